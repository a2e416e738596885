"""Submitting a chain of drivers to an invented batch system."""

import threading

import pytest

from dfhpc import cancelling, submission
from dfhpc.batch_jobs import read_jobs
from dfhpc.cluster.batch import QueuedJob
from dfhpc.cluster.slurm import Slurm
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError, RunLockedError
from dfhpc.runs import RunDirectory

CONFIG = ClusterConfig(kind="slurm", workers=1)


class InventedSlurm(Slurm):
    """Takes jobs, and refuses from one on."""

    def __init__(self):
        super().__init__(CONFIG)
        self.queue = {}
        self.refusal = {}
        self.cancel_fails = False

    def submit(self, submission):
        number = len(self.queue) + 1
        error, is_taken = self.refusal.get(number, (None, True))
        if is_taken:
            name = submission.script.partition("--job-name=")[2].split("\n")[0]
            self.queue[str(number)] = name
        if error is not None:
            raise error
        return str(number)

    def jobs(self, prefix):
        return [
            QueuedJob(job_id, name, "pending", "PENDING", None, "")
            for job_id, name in self.queue.items()
            if name.startswith(prefix)
        ]

    def cancel(self, job_ids):
        if self.cancel_fails:
            raise BatchError("scancel did not answer within 60 s.")
        for job_id in job_ids:
            del self.queue[job_id]


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "run")


@pytest.fixture
def slurm(monkeypatch):
    invented = InventedSlurm()
    monkeypatch.setattr(submission, "batch_system", lambda config: invented)
    monkeypatch.setattr(cancelling, "batch_system", lambda config: invented)
    return invented


def submit(run, nights=3):
    return submission.submit_nights(run, CONFIG, nights, None)


def test_a_chain_is_recorded(run, slurm):
    assert submit(run) == ["1", "2", "3"]
    assert [known.ended_t for known in read_jobs(run)] == [None] * 3
    assert not (run.cluster_dir / "submit.lock").exists()
    with pytest.raises(BatchError, match="has drivers already: jobs 1, 2, 3"):
        submit(run)


def test_a_refusal_half_way_leaves_nothing(run, slurm):
    slurm.refusal[3] = (BatchError("no more jobs"), False)
    with pytest.raises(BatchError, match="no more jobs"):
        submit(run)
    assert slurm.queue == {}
    assert [known.how for known in read_jobs(run)] == ["CANCELLED"] * 2


def test_an_interrupt_takes_back_even_what_told_no_id(run, slurm):
    slurm.refusal[2] = (KeyboardInterrupt(), True)
    with pytest.raises(KeyboardInterrupt):
        submit(run)
    assert slurm.queue == {}
    assert [known.how for known in read_jobs(run)] == ["CANCELLED"]


def test_what_cannot_be_cancelled_is_named_and_hides_no_refusal(run, slurm, caplog):
    slurm.refusal[3] = (BatchError("no more jobs"), False)
    slurm.cancel_fails = True
    with pytest.raises(BatchError, match="no more jobs"):
        submit(run)
    assert "So jobs 1, 2 may be left in the queue" in caplog.text
    assert [known.how for known in read_jobs(run)] == [None] * 2


def test_two_at_once_are_one(run, slurm, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    taken = slurm.submit

    def slow(asked):
        begun.set()
        assert go_on.wait(30)
        return taken(asked)

    monkeypatch.setattr(slurm, "submit", slow)
    first = threading.Thread(target=submit, args=(run, 1))
    first.start()
    assert begun.wait(30)
    with pytest.raises(RunLockedError):
        submit(run)
    go_on.set()
    first.join()
    assert list(slurm.queue) == ["1"]


def test_cancel_says_that_it_waits_for_a_driver(run, slurm, monkeypatch, caplog):
    caplog.set_level("INFO")
    submit(run, 2)
    end, dying = slurm.cancel, []
    monkeypatch.setattr(slurm, "cancel", dying.extend)
    # The drivers take their time: they are gone when it is said that one waits.
    monkeypatch.setattr(cancelling.time, "sleep", lambda s: end(["1", "2"]))
    assert cancelling.cancel_run(run, CONFIG) == ["1", "2"]
    assert "Waiting up to 60 s for the driver to end (job 1, 2)." in caplog.text
    assert [known.how for known in read_jobs(run)] == ["CANCELLED"] * 2
