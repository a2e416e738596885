"""Jobs that are left in the queue, of which the pool knows nothing."""

import threading

import pytest

from dfhpc.cluster import batch_pool, launch
from dfhpc.cluster.batch import QueuedJob
from dfhpc.cluster.identity import worker_prefix
from dfhpc.cluster.slurm import Slurm
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError
from dfhpc.locks import hold
from dfhpc.runs import RunDirectory

CONFIG = ClusterConfig(kind="slurm", workers=2, tls=False)


class TimedOutSlurm(Slurm):
    """Takes jobs, and tells the ids of none."""

    def __init__(self):
        super().__init__(CONFIG)
        self.queue = {}
        self.submitted = threading.Event()
        self.answers = True

    def submit(self, submission):
        name = submission.script.partition("--job-name=")[2].split("\n")[0]
        self.queue[str(len(self.queue) + 1)] = name
        self.submitted.set()
        raise BatchError("sbatch: error: Socket timed out on send/recv operation")

    def jobs(self, prefix):
        if not self.answers:
            raise BatchError("squeue did not answer within 60 s.")
        return [
            QueuedJob(job_id, name, "pending", "PENDING", None, "")
            for job_id, name in self.queue.items()
            if name.startswith(prefix)
        ]

    def cancel(self, job_ids):
        for job_id in job_ids:
            del self.queue[job_id]


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "run")


@pytest.fixture
def slurm(monkeypatch):
    invented = TimedOutSlurm()
    monkeypatch.setattr(launch, "batch_system", lambda config: invented)
    return invented


def work(run, slurm):
    with batch_pool.batch_pool(run, CONFIG):
        assert slurm.submitted.wait(30)


def test_a_job_that_told_no_id_is_cancelled_at_the_end(run, slurm, caplog):
    caplog.set_level("INFO")
    left = f"{worker_prefix(run)}1"
    slurm.queue = {"1000": left, "1001": "of another run"}
    with hold(run.lock_path):
        work(run, slurm)
    assert slurm.queue == {"1001": "of another run"}
    assert "Cancelling 1 jobs that a dead driver left." in caplog.text
    assert "jobs that are left at the end." in caplog.text


def test_the_workers_of_who_took_the_lock_are_left_alone(run, slurm):
    with hold(run.lock_path):
        pass
    run.lock_path.write_text('{"pid": 1, "host": "elsewhere"}')
    work(run, slurm)
    assert slurm.queue


def test_a_queue_that_does_not_answer_at_the_end_spoils_nothing(run, slurm, caplog):
    with hold(run.lock_path), batch_pool.batch_pool(run, CONFIG):
        assert slurm.submitted.wait(30)
        slurm.answers = False
    assert "Left-over jobs were not looked for: squeue" in caplog.text
