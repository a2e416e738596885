"""The SLURM that the other tests run on does what a real one does."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import keeper, slurm_site
from tests.cluster.slurm_site import NODES, SlurmSite, missing_programs

BUSY = """
import time
ballast = b"x" * 120_000_000
while time.process_time() < 1.5:
    pass
"""


def submit(site: SlurmSite, folder: Path, body: str, *options: str) -> str:
    """Submit a bash script and return its job id."""
    script = folder / f"{time.monotonic_ns()}.sh"
    script.write_text(f"#!/bin/bash\n{body}\n")
    done = site.run(
        "sbatch", "--parsable", f"--output={folder}/%j.out", *options, script
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def accounts(site: SlurmSite, job: str, *fields: str) -> list[list[str]]:
    """Return sacct's lines for a job and its steps."""
    asked = ("--parsable2", "--noheader", f"--format={','.join(fields)}")
    done = site.run("sacct", f"--jobs={job}", *asked)
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


def wait_until_state(site: SlurmSite, job: str, state: str, seconds: float) -> None:
    """Wait until sacct has a job's state, which begins with ``state``."""
    deadline = time.monotonic() + seconds
    while not (seen := accounts(site, job, "State")) or not seen[0][0].startswith(
        state
    ):
        assert time.monotonic() < deadline, f"{job} is {seen}, not {state}"
        time.sleep(0.2)


def output(folder: Path, job: str) -> str:
    return (folder / f"{job}.out").read_text()


@pytest.fixture(scope="module")
def signalled(slurm, tmp_path_factory):
    """Return a job that wants a signal, submitted early: SLURM looks each 30 s."""
    folder = tmp_path_factory.mktemp("signalled")
    body = "trap 'echo caught; exit 75' USR2\nsleep 55 & wait"
    options = ("--time=1", "--signal=B:USR2@30", "--nodelist=n3")
    return folder, submit(slurm, folder, body, *options)


@pytest.mark.usefixtures("signalled")
def test_jobs_run_on_each_node_under_its_own_name(slurm, tmp_path):
    started = time.monotonic()
    body = "echo $SLURMD_NODENAME $SLURM_JOB_PARTITION"
    jobs = {name: submit(slurm, tmp_path, body, f"--nodelist={name}") for name in NODES}
    for name, job in jobs.items():
        wait_until_state(slurm, job, "COMPLETED", 10)
        assert output(tmp_path, job) == f"{name} main\n"
    assert time.monotonic() - started < 8


def test_accounts_of_steps_have_time_and_memory(slurm, tmp_path):
    (tmp_path / "busy.py").write_text(BUSY)
    body = f"{sys.executable} {tmp_path}/busy.py\nsrun --mem=100 sleep 1.2"
    job = submit(slurm, tmp_path, body, "--mem=400")
    wait_until_state(slurm, job, "COMPLETED", 20)
    fields = ("JobID", "State", "ElapsedRaw", "TotalCPU", "MaxRSS", "ReqMem")
    whole, batch, step = accounts(slurm, job, *fields)
    assert [whole[0], batch[0], step[0]] == [job, f"{job}.batch", f"{job}.0"]
    assert int(whole[2]) >= 2
    assert 1.4 <= float(batch[3].removeprefix("00:")) < 3
    assert whole[4] == ""
    assert int(batch[4].removesuffix("K")) > 120_000
    assert step[4].endswith("K")
    # Where SLURM's database learns of a job's start before its submission, it knows no
    # memory asked for, and sacct prints this.
    assert whole[5] in ("400M", "16?")


def test_a_job_over_its_memory_is_killed_with_a_word(slurm, tmp_path):
    (tmp_path / "busy.py").write_text(BUSY.replace("1.5", "20"))
    job = submit(slurm, tmp_path, f"{sys.executable} {tmp_path}/busy.py", "--mem=60")
    wait_until_state(slurm, job, "FAILED", 10)
    assert "Exceeded job memory limit" in output(tmp_path, job)


def test_singletons_run_one_after_the_other(slurm, tmp_path):
    options = ("--job-name=link", "--dependency=singleton")
    body = "date +%s.%N; sleep 1.5; date +%s.%N"
    first, second = (submit(slurm, tmp_path, body, *options) for _ in range(2))
    reasons = {job["id"]: job["reason"] for job in slurm.jobs()}
    assert reasons[second] == "Dependency"
    wait_until_state(slurm, second, "COMPLETED", 20)
    ended, begun = (output(tmp_path, job).split() for job in (first, second))
    assert float(ended[1]) < float(begun[0])


def test_a_broken_node_fails_jobs_at_once_and_stays_in_service(slurm, tmp_path):
    slurm.break_node("n1")
    for _ in range(2):
        job = submit(slurm, tmp_path, "echo never", "--nodelist=n1")
        wait_until_state(slurm, job, "FAILED", 5)
        assert "never" not in output(tmp_path, job)
    slurm.mend_node("n1")
    job = submit(slurm, tmp_path, "echo again", "--nodelist=n1")
    wait_until_state(slurm, job, "COMPLETED", 5)


@pytest.mark.slow
def test_a_dead_node_takes_its_job_with_it_and_comes_back(slurm, tmp_path):
    body = f"echo $$ > {tmp_path}/pid; sleep 300"
    job = submit(slurm, tmp_path, body, "--nodelist=n2")
    wait_until_state(slurm, job, "RUNNING", 5)
    pid = _read_pid(tmp_path / "pid")
    slurm.stop_node("n2")
    assert not Path(f"/proc/{pid}").exists()
    wait_until_state(slurm, job, "NODE_FAIL", 60)
    slurm.start_node("n2")
    job = submit(slurm, tmp_path, "true", "--nodelist=n2")
    wait_until_state(slurm, job, "COMPLETED", 10)


def _read_pid(path):
    deadline = time.monotonic() + 5
    while not path.exists() or not path.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(path.read_text())


@pytest.mark.slow
def test_no_submission_without_the_controller(slurm, tmp_path):
    job = submit(slurm, tmp_path, "sleep 2; echo lived")
    slurm.stop_controller()
    refused = slurm.run("sbatch", "--wrap=true")
    assert refused.returncode != 0
    assert "Unable to contact slurm controller" in refused.stderr
    slurm.start_controller()
    wait_until_state(slurm, job, "COMPLETED", 15)
    assert output(tmp_path, job) == "lived\n"


def test_no_accounts_without_slurmdbd(slurm, tmp_path):
    slurm.stop_accounting()
    assert slurm.run("sacct").returncode != 0
    job = submit(slurm, tmp_path, "true")
    slurm.start_accounting()
    wait_until_state(slurm, job, "COMPLETED", 15)


def test_the_batch_script_gets_the_signal_it_asked_for(slurm, signalled):
    folder, job = signalled
    wait_until_state(slurm, job, "FAILED", 60)
    assert accounts(slurm, job, "ExitCode")[0] == ["75:0"]
    # slurmstepd may add that there is nobody left to signal.
    assert output(folder, job).startswith("caught\n")


def test_nothing_of_an_outer_job_is_passed_on(slurm, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SBATCH_PARTITION", "elsewhere")
    assert not {"SLURM_JOB_ID", "SBATCH_PARTITION"} & set(slurm.environment)


def test_what_a_site_started_dies_with_its_owner(tmp_path):
    # A grandchild in a session of its own is what a slurmd leaves behind.
    left = f"setsid sh -c 'echo $$ > {tmp_path}/pid; sleep 300' & sleep 300"
    command = [sys.executable, keeper.__file__, "/bin/sh", "-c", left]
    owned = subprocess.Popen(command, stdin=subprocess.PIPE)
    pid = _read_pid(tmp_path / "pid")
    owned.stdin.close()
    owned.wait(timeout=10)
    assert not Path(f"/proc/{pid}").exists()


def test_missing_programs_are_named_with_the_way_to_get_them(monkeypatch):
    monkeypatch.setattr("tests.cluster.slurm_files.SEARCH_PATH", "/nowhere")
    assert "munged" in missing_programs()
    assert "apt-get install" in missing_programs()


def test_a_folder_too_deep_for_sockets_is_refused(tmp_path):
    with pytest.raises(ValueError, match="too long"):
        slurm_site.SlurmSite(tmp_path / ("x" * 80))
