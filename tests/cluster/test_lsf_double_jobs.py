"""The double of LSF does with jobs what LSF 10 would."""

import sys
import time

import pytest

from tests.cluster.lsf_helpers import fields, submit, summary, wait_until

EAT = "exec {python} -c 'x = bytearray({mb} << 20); import time; time.sleep({s})'\n"


@pytest.mark.parametrize(
    ("unit", "limit", "killed"),
    [
        (None, "102400", True),
        (None, "400MB", False),
        ("MB", "400", False),
        ("GB", "1", False),
        (None, "100M", True),
    ],
)
def test_units_of_the_memory_limit(quick_lsf, tmp_path, unit, limit, killed):
    quick_lsf.set_unit(unit)
    script = EAT.format(python=sys.executable, mb=200, s=1.5)
    options = ("-M", limit, "-R", "rusage[mem=400MB]", "-o", "o")
    job = submit(quick_lsf, script, *options, cwd=tmp_path)
    quick_lsf.set_unit(None)
    wait_until(quick_lsf, job, "EXIT" if killed else "DONE")
    text = (tmp_path / "o").read_text()
    words = (
        "TERM_MEMLIMIT: job killed after reaching LSF memory usage limit.\n"
        "Exited with exit code 137.\n"
    )
    assert (words in text) == killed
    found = summary(text)
    # A limit may strike while the memory is still being filled.
    assert (
        (100 if killed else 200) <= int(found["Max Memory"].removesuffix(" MB")) < 260
    )
    assert found["Total Requested Memory"] == "400.00 MB"
    delta = 400 - int(found["Max Memory"].removesuffix(" MB"))
    assert found["Delta Memory"] == f"{delta}.00 MB"


def test_the_run_limit_sends_usr2_and_then_kills(quick_lsf, tmp_path):
    deaf = submit(
        quick_lsf,
        "trap '' USR2 INT TERM\nsleep 60; sleep 60\n",
        *("-W", "1", "-o", "deaf"),
        cwd=tmp_path,
    )
    plain = submit(quick_lsf, "sleep 60\n", "-W", "1", "-o", "plain", cwd=tmp_path)
    wise = "trap 'echo saved; exit 75' USR2\nsleep 60 & wait\n"
    wise = submit(quick_lsf, wise, "-W", "0:01", "-o", "wise", cwd=tmp_path)
    for job, code in ((deaf, 137), (plain, 140), (wise, 75)):
        wait_until(quick_lsf, job, "EXIT")
        reason = "TERM_RUNLIMIT: job killed after reaching LSF run time limit."
        assert fields(quick_lsf, job, "exit_code", "exit_reason") == [str(code), reason]
    text = (tmp_path / "wise").read_text()
    assert text.startswith("saved\n")
    assert f"{reason}\nExited with exit code 75.\n" in text


def test_a_warning_comes_before_the_run_limit(quick_lsf, tmp_path):
    script = "trap 'echo warned; exit 75' USR1\nsleep 60 & wait\n"
    options = ("-W", "5", "-wa", "USR1", "-wt", "4", "-o", "o")
    job = submit(quick_lsf, script, *options, cwd=tmp_path)
    wait_until(quick_lsf, job, "EXIT")
    text = (tmp_path / "o").read_text()
    assert text.startswith("warned\n")
    assert "TERM_" not in text
    assert 2 <= int(summary(text)["Run time"].split()[0]) < 8


def test_a_job_waits_for_the_end_of_others(lsf, tmp_path):
    first = submit(lsf, "sleep 1; exit 3\n", "-J", "one", "-o", "o", cwd=tmp_path)
    twice = f'ended({first}) && ended("on*")'
    second = submit(lsf, "true\n", "-w", twice, "-o", "p", cwd=tmp_path)
    never = submit(lsf, "true\n", "-w", f"done({first})", "-o", "q", cwd=tmp_path)
    waiting = "Job dependency condition not satisfied;"
    assert fields(lsf, second, "stat", "pend_reason") == ["PEND", waiting]
    wait_until(lsf, second, "DONE")
    assert fields(lsf, first, "stat", "exit_code") == ["EXIT", "3"]
    late = submit(lsf, "true\n", "-w", f"done({first})", "-o", "r", cwd=tmp_path)
    hopeless = "Dependency condition invalid or never satisfied;"
    for job in (never, late):
        assert fields(lsf, job, "stat", "pend_reason") == ["PEND", hopeless]
        lsf.run("bkill", job)
    after = submit(lsf, "true\n", "-w", f"exit({first})", "-o", "s", cwd=tmp_path)
    wait_until(lsf, after, "DONE")


def test_killing_by_id_and_by_name(quick_lsf, tmp_path):
    script = "trap '' INT\nsleep 60; sleep 60\n"
    jobs = [
        submit(quick_lsf, script, "-J", f"run-{i}", "-o", "o%J", cwd=tmp_path)
        for i in range(3)
    ]
    wait = submit(
        quick_lsf, "true\n", "-J", "run-w", "-w", f"ended({jobs[0]})", cwd=tmp_path
    )
    other = submit(quick_lsf, "sleep 60\n", "-J", "other", "-o", "other", cwd=tmp_path)
    for job in (*jobs, other):
        wait_until(quick_lsf, job, "RUN")
    time.sleep(0.3)
    one = quick_lsf.run("bkill", jobs[0], "999")
    assert one.stdout == f"Job <{jobs[0]}> is being terminated\n"
    assert one.stderr == "Job <999>: No matching job found\n"
    named = quick_lsf.run("bkill", "-J", "run-[12w]", "0")
    assert named.returncode == 255
    named = quick_lsf.run("bkill", "-J", "run-*", "0")
    assert {f"Job <{job}> is being terminated" for job in (jobs[1], wait)} <= set(
        named.stdout.splitlines()
    )
    for job in (*jobs, wait):
        wait_until(quick_lsf, job, "EXIT")
    assert fields(quick_lsf, other, "stat") == ["RUN"]
    quick_lsf.run("bkill", "-s", "TERM", other)
    wait_until(quick_lsf, other, "EXIT")
    again = quick_lsf.run("bkill", jobs[0])
    assert again.stderr == f"Job <{jobs[0]}>: Job has already finished\n"
    text = (tmp_path / f"o{jobs[0]}").read_text()
    assert "TERM_OWNER: job killed by owner.\nExited with exit code 143.\n" in text


def test_looking_at_jobs(lsf, tmp_path):
    long = "a-job-of-a-long-name"
    job = submit(lsf, "sleep 2\n", "-J", long, "-o", "o", cwd=tmp_path)
    wait_until(lsf, job, "RUN")
    head, line = lsf.run("bjobs", "-J", "a-job-*").stdout.splitlines()
    assert head == (
        "JOBID   USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   "
        "SUBMIT_TIME"
    )
    assert line.split()[0] == job
    assert "*long-name" in line
    custom = lsf.run("bjobs", "-o", "jobid job_name:12 stat delimiter=';'", job)
    assert custom.stdout == f"JOBID;JOB_NAME;STAT\n{job};{long};RUN\n"
    wait_until(lsf, job, "DONE")
    gone = lsf.run("bjobs", "-J", "a-job-*")
    assert gone.stderr == "Job <a-job-*> is not found\n"
    assert lsf.run("bjobs", "999").stderr == "Job <999> is not found\n"
    assert lsf.run("bjobs", "-u", "nobody").stderr == "No unfinished job found\n"
    assert lsf.run("bjobs", "-Z").returncode == 255


@pytest.mark.slow
def test_a_job_on_a_dead_host_exits_without_a_report(lsf, slurm, tmp_path):
    options = ("-R", "select[hname!='n1' && hname!='n3']", "-o", "o")
    job = submit(lsf, "sleep 100\n", *options, cwd=tmp_path)
    wait_until(lsf, job, "RUN")
    slurm.stop_node("n2")
    wait_until(lsf, job, "EXIT", seconds=60)
    slurm.start_node("n2")
    assert "TERM_REMOVE_HUNG_JOB" in fields(lsf, job, "exit_reason")[0]
