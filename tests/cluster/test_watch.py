import time

import pytest

from dfhpc.cluster.batch import QueuedJob
from dfhpc.cluster.watch import FRESH_S, LISTED_LATE_S, REJOIN_S, Watch, WatchedJob
from dfhpc.errors import BatchError

CONNECT_S = 100.0


def listed(state, word="RUNNING", node="n1"):
    return QueuedJob("7", "w1", state, word, node, "")


@pytest.fixture
def job():
    return WatchedJob("w1", submitted_t=1000.0, job_id="7")


def fate(job, now):
    return job.fate(now, CONNECT_S)


def test_a_job_waits_in_the_queue_for_as_long_as_it_takes(job):
    job.see(listed("pending", "PENDING", None), 1010.0)
    assert fate(job, 90000.0) == "waiting"


def test_a_job_that_is_not_listed_yet_waits(job):
    for now in (1001.0, 1002.0, 1000.0 + LISTED_LATE_S):
        job.see(None, now)
    assert fate(job, 1000.0 + LISTED_LATE_S) == "waiting"


def test_a_job_missing_from_one_listing_may_come_back(job):
    job.see(listed("running"), 1005.0)
    job.see(None, 1100.0)
    job.connected_t = 1100.0
    assert fate(job, 1100.0) == "working"
    job.see(listed("running"), 1103.0)
    job.see(None, 1106.0)
    assert fate(job, 1106.0) == "working"
    job.see(None, 1109.0)
    assert job.has_ended
    assert job.word == "GONE"


def test_a_job_that_ended_before_its_worker_came_has_failed(job):
    job.see(listed("ended", "FAILED"), 1005.0)
    assert fate(job, 1005.0) == "failed"
    assert (job.word, job.node) == ("FAILED", "n1")


def test_a_job_that_ended_after_its_worker_came_is_over(job):
    job.connected_t = 1003.0
    job.see(listed("ended", "NODE_FAIL"), 1005.0)
    assert fate(job, 1005.0) == "over"
    assert not job.ended_well
    job.see(listed("ended", "COMPLETED"), 1006.0)
    assert job.ended_well


def test_a_running_job_whose_worker_never_comes_has_failed(job):
    job.see(listed("running"), 1005.0)
    assert fate(job, 1005.0 + CONNECT_S) == "waiting"
    assert fate(job, 1006.0 + CONNECT_S) == "failed"


def test_a_worker_may_be_started_again_by_its_nanny(job):
    job.see(listed("running"), 1005.0)
    job.connected_t = 1010.0
    assert fate(job, 1010.0 + REJOIN_S - 1) == "working"
    assert fate(job, 1010.0 + REJOIN_S) == "over"


def test_a_refused_job_has_failed(job):
    job.error = BatchError("full")
    assert fate(job, 1001.0) == "failed"
    assert job.word == "REFUSED"


def test_a_queue_that_does_not_answer_says_nothing():
    watch = Watch(CONNECT_S, {"w1": WatchedJob("w1", time.time() - 1000, "7")})
    for _ in range(10):
        watch.see(None, ["w1", "stranger"])
    assert watch.lost() == []
    watch.see([], [])
    watch.see([], [])
    # Nor does one that leaves out a job whose worker is there.
    assert watch.lost() == []
    watch.jobs["w1"].connected_t -= FRESH_S
    assert [(job.name, how) for job, how in watch.lost()] == [("w1", "over")]
