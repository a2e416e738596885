"""What dfhpc understands of a real SLURM's accounting."""

import sys
import time
from pathlib import Path

import pytest

from dfhpc.batch_jobs import BatchJob, record_submitted
from dfhpc.reporting.usage_text import usage_text
from dfhpc.runs import RunDirectory
from dfhpc.usage.report import read_report
from dfhpc.usage.sacct import ask_sacct

MB = 2**20
ENDS_S = 60

BUSY = """
import time
ballast = b"x" * (120 * 2**20)
end = time.process_time() + 1.5
while time.process_time() < end:
    pass
time.sleep(1.5)
"""

GREEDY = """
import time
ballast = b"x" * (600 * 2**20)
time.sleep(60)
"""

SAMPLED = """
import sys, time
from pathlib import Path
from dfhpc.usage.sampler import Sampler
sampler = Sampler(Path(sys.argv[1]), "worker", 0.2)
sampler.start()
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
sampler.sample()
print("sampled", flush=True)
time.sleep(60)
"""


@pytest.fixture
def user(slurm, monkeypatch):
    """Let this process be a user of the site."""
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, slurm.environment[name])
    return slurm


def _submit(site, folder, body, *options):
    (folder / "job.sh").write_text(f"#!/bin/bash\n{body}\n")
    done = site.run(
        *("sbatch", "--parsable", f"--output={folder}/%j.out", *options),
        folder / "job.sh",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _python(folder, name, code):
    (folder / name).write_text(code)
    return f"{sys.executable} {folder / name}"


def _until(met, what):
    deadline = time.monotonic() + ENDS_S
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def _runs(job_id):
    # At first sacct has not heard of a job.
    job = ask_sacct([job_id]).jobs.get(job_id)
    return job is not None and job.state == "RUNNING"


def _ended(job_ids, *, with_memory=()):
    """Return what sacct says when all jobs have ended, and steps are accounted for."""
    found = {}

    def met():
        answer = ask_sacct(job_ids)
        found.update(answer.jobs)
        return set(found) == set(job_ids) and all(
            job.is_ended and (name not in with_memory or job.max_rss_bytes is not None)
            for name, job in found.items()
        )

    _until(met, found)
    return found


def test_jobs_of_every_fate_in_one_answer(user, tmp_path):
    busy = _python(tmp_path, "busy.py", BUSY)
    greedy = _python(tmp_path, "greedy.py", GREEDY)
    done = _submit(user, tmp_path, busy, "--mem=400M", "--time=5")
    failed = _submit(user, tmp_path, "exit 3")
    over = _submit(user, tmp_path, greedy, "--mem=200M")
    steps = _submit(
        user, tmp_path, f"srun -n2 {busy}\nsrun -N1 -n1 true", "-N2", "--mem=300M"
    )
    running = _submit(user, tmp_path, "sleep 60")
    waiting = _submit(user, tmp_path, "true", "--begin=now+1hour")
    _until(lambda: _runs(running), "not running")
    seen = ask_sacct([running]).jobs[running]
    assert (seen.is_ended, seen.ended_t, seen.exit_code) == (False, None, None)
    user.run("scancel", running, waiting)

    ids = [done, failed, over, steps, running, waiting]
    found = _ended(ids, with_memory=(done, over, steps))
    states = [found[name].state for name in (done, failed, steps, running, waiting)]
    assert states == ["COMPLETED", "FAILED", "COMPLETED", "CANCELLED", "CANCELLED"]
    assert (found[done].exit_code, found[failed].exit_code) == (0, 3)
    _check_completed(found[done])
    # Some SLURMs say OUT_OF_MEMORY, others only that it failed; the figures tell.
    assert found[over].state in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert found[over].max_rss_bytes > found[over].requested_bytes == 200 * MB
    _check_two_nodes(found[steps])
    assert found[waiting].nodes is found[waiting].elapsed_s is None


def _check_completed(job):
    assert 1.4 < job.cpu_s < 10
    assert job.elapsed_s >= 2
    assert 100 * MB < job.max_rss_bytes < 300 * MB
    assert job.requested_bytes == 400 * MB
    assert (job.cores, job.walltime_s) == (1, 300)
    assert job.nodes in ("n1", "n2", "n3")
    assert job.submitted_t <= job.started_t <= job.ended_t
    assert abs(job.submitted_t - time.time()) < 300


def _check_two_nodes(job):
    # Two tasks with 120 MB each, and what was asked for on two nodes.
    assert job.max_rss_bytes > 240 * MB
    assert job.requested_bytes == 600 * MB
    assert job.cores == 2
    assert job.cpu_s > 2.8


def _run_with(job_id, folder):
    run = RunDirectory(folder / "run")
    output = str(folder / f"{job_id}.out")
    job = BatchJob(job_id, "dfhpc-w", "slurm", "worker", 1, 400 * MB, 600, output)
    record_submitted(run, job)
    return run


def test_a_running_job_beside_its_samples_and_without_accounting(
    user, fresh_slurm, tmp_path
):
    sampled = _python(tmp_path, "sampled.py", SAMPLED)
    root = Path(__file__).parents[2]
    body = f"PYTHONPATH={root} {sampled} {tmp_path}/run/usage"
    job_id = _submit(user, tmp_path, body, "--mem=400M")
    run = _run_with(job_id, tmp_path)
    output = tmp_path / f"{job_id}.out"
    _until(lambda: output.exists() and output.read_text() == "sampled\n", output)
    _until(lambda: _runs(job_id), "not running")
    report = read_report(run)
    (job,) = report["jobs"]
    assert (job["state"], job["source"]) == ("RUNNING", "sacct")
    assert job["sampled"]["cpu_s"] == job["cpu_s"] > 0.4
    assert report["accounting"] == {"sources": ["sacct"], "problems": []}

    fresh_slurm.stop_accounting()
    report = read_report(run)
    (job,) = report["jobs"]
    assert (job["state"], job["source"]) == (None, "samples")
    assert job["cpu_s"] > 0.4
    assert report["accounting"]["sources"] == ["samples"]
    (problem,) = report["accounting"]["problems"]
    assert problem.startswith("sacct failed with exit code 1: sacct: error: ")
    assert f"Not all is known: {problem}." in usage_text(report)


def test_a_job_that_never_was(user):
    answer = ask_sacct(["987654321", "7b"])
    assert answer.jobs == {}
    assert answer.problem == "sacct does not know 2 jobs (987654321, 7b)"
