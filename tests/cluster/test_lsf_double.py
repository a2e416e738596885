"""The double of LSF says and takes what LSF 10 would."""

import re

import pytest

from tests.cluster.lsf_helpers import fields, submit, summary, wait_until


def test_the_line_of_a_submission_is_lsfs(lsf, tmp_path):
    default = lsf.run("bsub", "-o", "a", "true", cwd=tmp_path)
    assert re.fullmatch(
        r"Job <\d+> is submitted to default queue <normal>\.\n", default.stdout
    )
    named = lsf.run("bsub", "-q", "short", "-o", "b", "true", cwd=tmp_path)
    assert re.fullmatch(r"Job <\d+> is submitted to queue <short>\.\n", named.stdout)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-zz", "3"], "bsub: Illegal option -- zz. Job not submitted.\n"),
        (["--mem=3G"], "bsub: Illegal option -- mem=3G. Job not submitted.\n"),
        (["-I"], "bsub: this double of LSF has no option -I. Job not submitted.\n"),
        (["-n", "x"], "Bad argument for option -n. Job not submitted.\n"),
        (["-M", "4GiB"], "Bad argument for option -M. Job not submitted.\n"),
        (["-W", "1:2:3"], "Bad argument for option -W. Job not submitted.\n"),
        (["-q", "none"], "none: No such queue. Job not submitted.\n"),
        (["-R", "mem>3"], "Bad resource requirement syntax. Job not submitted.\n"),
        (
            ["-w", "ended(999999)"],
            "ended(999999): No matching job found. Job not submitted.\n",
        ),
        (
            ["-q", "short", "-W", "3"],
            "RUNLIMIT: Cannot exceed queue's hard limit(s). Job not submitted.\n",
        ),
        (["-J"], "Option -J requires an argument. Job not submitted.\n"),
    ],
)
def test_what_lsf_would_not_take_is_refused(lsf, options, words):
    done = lsf.run("bsub", *options, *(["true"] if len(options) > 1 else []), input="")
    assert (done.returncode, done.stdout, done.stderr) == (255, "", words)


def test_more_memory_than_a_host_has_is_refused(lsf):
    done = lsf.run("bsub", "-R", "rusage[mem=64GB]", "true")
    assert "outside the range set by RESRSV_LIMIT" in done.stderr


def test_no_submission_while_the_daemon_is_down(lsf, slurm):
    slurm.stop_controller()
    done = lsf.run("bsub", "true")
    slurm.start_controller()
    assert done.returncode == 255
    assert done.stderr == "Connection refused by server. Job not submitted.\n"


# What it takes, and from where.


def test_directives_are_honoured_from_stdin_only(lsf, tmp_path):
    script = tmp_path / "job.sh"
    directives = "#BSUB -J named\n#BSUB -o direct.%J # a comment\n"
    text = f"#!/bin/bash\n{directives}echo $LSB_JOBNAME\n"
    script.write_text(text)
    script.chmod(0o755)
    read = submit(lsf, text, cwd=tmp_path)
    given = lsf.run("bsub", str(script), cwd=tmp_path).stdout
    given = re.search(r"<(\d+)>", given)[1]
    for job in (read, given):
        wait_until(lsf, job, "DONE")
    assert (tmp_path / f"direct.{read}").read_text().startswith("named\n")
    assert not (tmp_path / f"direct.{given}").exists()
    assert lsf.mail(given).startswith(f"{script}\n")


def test_the_command_line_is_stronger_than_directives(lsf, tmp_path):
    script = "#BSUB -J weak -q short\n#BSUB -o weak\ntrue\n"
    job = submit(lsf, script, "-J", "strong", "-oo", "strong", cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    assert fields(lsf, job, "job_name", "queue") == ["strong", "short"]
    assert [path.name for path in tmp_path.iterdir()] == ["strong"]


def test_a_job_sees_lsf_and_no_slurm(lsf, tmp_path):
    options = ("-n", "2", "-R", "span[hosts=1]", "-R", "select[hname!='n1']")
    job = submit(
        lsf, "env\n", "-J", "seen", "-P", "p", *options, "-o", "o", cwd=tmp_path
    )
    wait_until(lsf, job, "DONE")
    lines = (tmp_path / "o").read_text().splitlines()
    seen = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    host = fields(lsf, job, "exec_host")[0].removeprefix("2*")
    assert host in ("n2", "n3")
    assert seen["LSB_JOBID"] == job
    assert seen["LSB_JOBNAME"] == "seen"
    assert seen["LSB_QUEUE"] == "normal"
    assert seen["LSB_HOSTS"] == f"{host} {host}"
    assert seen["LSB_MCPU_HOSTS"] == f"{host} 2"
    assert seen["LSB_DJOB_NUMPROC"] == "2"
    assert seen["LS_SUBCWD"] == str(tmp_path)
    assert not [name for name in seen if name.startswith("SLURM")]


def test_options_of_every_kind_are_taken(lsf, tmp_path):
    options = [
        *(
            "-J",
            "all",
            "-q",
            "normal",
            "-P",
            "p",
            "-n",
            "2",
            "-M",
            "900MB",
            "-W",
            "0:10",
        ),
        *("-R", "span[hosts=1] rusage[mem=900MB/job] select[hname!=n1 && hname!=n2]"),
        *("-wa", "USR2", "-wt", "3", "-gpu", "num=1:mode=shared", "-x", "-r"),
        *("-Q", "75 76", "-oo", "o", "-eo", "e"),
    ]
    job = submit(lsf, "true\n", *options, cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    assert fields(lsf, job, "exec_host", "proj_name") == ["2*n3", "p"]
    assert (
        summary((tmp_path / "o").read_text())["Total Requested Memory"] == "900.00 MB"
    )


def test_a_job_may_submit_a_job(lsf, tmp_path):
    script = "#BSUB -o outer\necho 'echo inner' | bsub -o inner\n"
    job = submit(lsf, script, cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    inner = re.search(r"Job <(\d+)>", (tmp_path / "outer").read_text())[1]
    wait_until(lsf, inner, "DONE")
    assert (tmp_path / "inner").read_text().startswith("inner\n")


def test_slots_on_several_hosts(lsf, tmp_path):
    job = submit(lsf, "echo $LSB_MCPU_HOSTS\n", "-n", "5", "-o", "o", cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    words = (tmp_path / "o").read_text().splitlines()[0].split()
    assert sum(map(int, words[1::2])) == 5
    assert len(words) == 6


def test_blocks_of_slots_stay_together(lsf, tmp_path):
    options = ("-n", "4", "-R", "span[block=2]", "-o", "o")
    job = submit(lsf, "echo $LSB_MCPU_HOSTS\n", *options, cwd=tmp_path)
    wait_until(lsf, job, "DONE")
    words = (tmp_path / "o").read_text().splitlines()[0].split()
    assert words[1::2] == ["2", "2"]
