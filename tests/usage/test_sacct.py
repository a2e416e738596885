import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfhpc.usage.sacct import (
    FIELDS,
    IDS_A_QUESTION,
    ask_sacct,
    parse_answer,
    parse_duration,
    parse_memory,
    parse_time,
)

MB = 2**20


def _line(job_id, **changes):
    """Return a line as sacct prints it, of a job that has completed."""
    row = dict.fromkeys(FIELDS, "")
    row |= {"JobID": job_id, "State": "COMPLETED", "ExitCode": "0:0"}
    row |= {"Submit": "1795317141", "Start": "1795317143", "End": "1795317154"}
    row |= {"ElapsedRaw": "11", "TotalCPU": "00:04.102", "AllocCPUS": "1"}
    row |= {"NNodes": "1", "NodeList": "n1"}
    if "." not in job_id:
        row |= {"ReqMem": "400M", "TimelimitRaw": "60"}
    return "|".join((row | changes)[name] for name in FIELDS)


def _one(*lines):
    (job,) = parse_answer("\n".join(lines) + "\n").values()
    return job


def test_a_job_that_completed():
    job = _one(
        _line("7"),
        _line("7.batch", MaxRSS="226529280", TRESUsageInTot="cpu=00:00:03,mem=221220K"),
        _line("7.0", MaxRSS="1691648", TotalCPU="00:00.002"),
    )
    assert (job.state, job.exit_code, job.is_ended) == ("COMPLETED", 0, True)
    assert job.nodes == "n1"
    assert job.ended_t - job.started_t == job.elapsed_s == 11
    assert job.started_t - job.submitted_t == 2
    assert job.cpu_s == pytest.approx(4.104)
    assert job.max_rss_bytes == 226529280
    assert job.requested_bytes == 400 * MB
    assert (job.cores, job.walltime_s) == (1, 3600)


def test_memory_of_a_step_is_that_of_all_its_tasks():
    tres = "cpu=00:00:08,energy=0,mem=446914560,pages=0"
    job = _one(_line("4"), _line("4.0", MaxRSS="223461376", TRESUsageInTot=tres))
    assert job.max_rss_bytes == 446914560
    assert job.cpu_s == 8


def test_cpu_of_a_killed_job_is_what_was_sampled():
    steps = _line("7.batch", TotalCPU="00:00.001", TRESUsageInTot="cpu=01:00:00")
    job = _one(_line("7", TotalCPU="00:00.001", State="OUT_OF_MEMORY"), steps)
    assert job.cpu_s == 3600


def test_a_job_that_runs():
    state = {"State": "RUNNING", "End": "Unknown", "TotalCPU": "00:00:00"}
    job = _one(_line("7", **state), _line("7.batch", **state))
    assert not job.is_ended
    assert (job.cpu_s, job.max_rss_bytes) == (None, None)
    assert (job.ended_t, job.exit_code) == (None, None)
    assert job.elapsed_s == 11


def test_a_job_whose_own_line_is_behind_that_of_its_step():
    late = {"State": "PENDING", "ReqMem": "16?", "AllocCPUS": "0", "TimelimitRaw": ""}
    job = _one(_line("7", **late), _line("7.batch", State="RUNNING"))
    assert (job.state, job.requested_bytes, job.cores) == ("RUNNING", None, None)
    assert job.walltime_s is None


def test_a_job_cancelled_while_it_waited():
    line = _line("9", State="CANCELLED by 0", NodeList="None assigned", ElapsedRaw="0")
    job = _one(line)
    assert (job.state, job.is_ended) == ("CANCELLED", True)
    assert (job.nodes, job.started_t, job.elapsed_s) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4Gn", 2 * 4 * 1024 * MB),
        ("2000Mc", 6 * 2000 * MB),
        ("1000M", 1000 * MB),
        ("0", None),
        ("16?", None),
        ("", None),
        ("n", None),
    ],
)
def test_memory_asked_for(text, size):
    assert (
        _one(_line("7", ReqMem=text, NNodes="2", AllocCPUS="6")).requested_bytes == size
    )


def test_lines_of_another_form_are_no_jobs():
    text = f"sacct: error: hello\n{_line('7')}\n{_line('7')}|more\n\n"
    assert list(parse_answer(text)) == ["7"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1-02:03:04.567", 93784.567),
        ("03:04.567", 184.567),
        ("00:00:00", 0),
        ("11", 11),
        ("UNLIMITED", None),
        ("Partition_Limit", None),
        ("", None),
        ("-1:00", None),
        ("1:2:3:4", None),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == (None if seconds is None else pytest.approx(seconds))


@given(st.integers(0, 10**8))
def test_durations_in_full(seconds):
    days, rest = divmod(seconds, 86400)
    text = f"{days}-{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    assert parse_duration(text) == seconds


@given(st.text(alphabet="0123456789.-:KMGn?c |ab\n"))
def test_no_text_is_an_error(text):
    parse_answer("\n".join([text, "|".join([text] * len(FIELDS)), _line("7.0")]))
    for parse in (parse_duration, parse_memory, parse_time):
        assert parse(text) is None or parse(text) >= 0


def test_times_with_and_without_a_format():
    assert parse_time("1970-01-02T00:00:00") == time.mktime((1970, 1, 2, *[0] * 5, -1))
    assert parse_time("0") is None
    assert parse_time("None") is None


@pytest.fixture
def fake_sacct(tmp_path, monkeypatch):
    """Return a function that puts a script in sacct's place."""

    def install(script):
        path = tmp_path / "bin" / "sacct"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return install


def test_one_question_for_all_jobs_and_no_foreign_ids(fake_sacct, tmp_path):
    fake_sacct(f"echo \"$@\" >> asked\nenv > env\necho '{_line('7')}'")
    answer = ask_sacct(["7", "8; rm", "", "9_3"])
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert "--jobs=7,9_3" in asked.split()
    assert f"--format={','.join(FIELDS)}" in asked.split()
    assert "SLURM_TIME_FORMAT=%s" in (tmp_path / "env").read_text().splitlines()
    assert list(answer.jobs) == ["7"]
    assert "3 jobs" in answer.problem


def test_thousands_are_asked_for_in_parts(fake_sacct, tmp_path):
    fake_sacct('echo "$@" >> asked')
    ids = [str(number) for number in range(2 * IDS_A_QUESTION + 1)]
    answer = ask_sacct(ids)
    questions = (tmp_path / "asked").read_text().splitlines()
    asked = [line.partition("--jobs=")[2].split(",") for line in questions]
    assert [len(part) for part in asked] == [IDS_A_QUESTION, IDS_A_QUESTION, 1]
    assert sum(asked, []) == ids
    assert answer.problem.startswith(
        "sacct does not know 1001 jobs (0, 1, 2, 3, 4, ..."
    )


def test_no_sacct(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = ask_sacct(["7"])
    assert (answer.jobs, answer.problem) == ({}, "there is no sacct on this machine")


def test_a_sacct_that_fails(fake_sacct):
    fake_sacct("echo first >&2; echo Slurm accounting storage is disabled >&2; exit 1")
    assert ask_sacct(["7"]).problem == (
        "sacct failed with exit code 1: Slurm accounting storage is disabled"
    )


def test_a_sacct_that_fails_later_keeps_what_was_answered(fake_sacct):
    fake_sacct(f"test -e once && exit 3; touch once; echo '{_line('7')}'")
    answer = ask_sacct([str(number) for number in range(IDS_A_QUESTION + 1)])
    assert list(answer.jobs) == ["7"]
    assert "exit code 3" in answer.problem


def test_a_sacct_that_hangs_is_ended_with_its_children(fake_sacct, tmp_path):
    fake_sacct("sleep 300 &\necho $! > child\nwait")
    answer = ask_sacct(["7"], timeout_s=1)
    assert answer.problem == "sacct gave no answer in 1 s"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(child)


def _lives(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_sacct_that_may_not_be_run(fake_sacct, tmp_path, monkeypatch):
    fake_sacct("true")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin" / "sacct").write_bytes(b"\x7fELF nonsense")
    assert ask_sacct(["7"]).problem.startswith("sacct does not start: ")


def test_nobody_asks_for_no_job(fake_sacct, tmp_path):
    fake_sacct("touch asked")
    answer = ask_sacct([])
    assert (answer.jobs, answer.problem) == ({}, None)
    assert not (tmp_path / "asked").exists()
