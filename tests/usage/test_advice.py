import pytest

from dfhpc.cluster_config import JOB_OVERHEAD
from dfhpc.usage.advice import advise
from dfhpc.usage.efficiency import JobUsage
from dfhpc.usage.job_samples import Sampled

GB = 2**30


def _job(role="worker", worker_gb=None, busiest=None, rss_gb=None, **changes):
    facts = {"job_id": "7", "name": "w", "system": "slurm", "source": "sacct"}
    facts |= {"state": "COMPLETED", "is_ended": True, "elapsed_s": 3600.0, "cores": 4}
    facts |= {"requested_bytes": 8 * GB + JOB_OVERHEAD, "walltime_s": 12 * 3600.0}
    sampled = None
    if worker_gb is not None or rss_gb is not None:
        worker = None if worker_gb is None else worker_gb * GB
        rss = (rss_gb or worker_gb) * GB
        sampled = Sampled(3600.0, 3600.0, 0.0, busiest or 1.0, rss, worker, "n1")
    return JobUsage(role=role, sampled=sampled, **(facts | changes))


def _by_key(*jobs):
    return {advice.key: advice for advice in advise(jobs)}


def test_memory_is_the_largest_worker_and_a_margin():
    # The job itself used more: its nanny, and at some sites the page cache.
    jobs = (_job(worker_gb=3.0, max_rss_bytes=7 * GB), _job(worker_gb=1.0))
    advice = _by_key(*jobs)["cluster.memory_limit"]
    assert advice.asked == 8 * GB
    assert (advice.asked_value, advice.value) == ("8192MiB", "3840MiB")
    assert advice.seen == 3 * GB
    assert "3.00 GiB in dfhpc's samples" in advice.why
    assert "2 jobs" in advice.why


def test_memory_of_jobs_that_were_not_all_sampled_is_the_batch_systems():
    jobs = (_job(worker_gb=1.0, max_rss_bytes=2 * GB), _job(max_rss_bytes=4 * GB))
    advice = _by_key(*jobs)["cluster.memory_limit"]
    assert advice.value == "5120MiB"
    assert "as the batch system sampled it" in advice.why


def test_a_killed_job_wanted_more_than_it_had():
    # Samples of a job that was killed at once say little.
    job = _job(state="OUT_OF_MEMORY", elapsed_s=5.0, max_rss_bytes=6 * GB)
    advice = _by_key(job)["cluster.memory_limit"]
    assert advice.value == "12288MiB"
    assert "1 job killed for memory" in advice.why
    job = _job(state="FAILED", elapsed_s=5.0, max_rss_bytes=12 * GB)
    assert _by_key(job)["cluster.memory_limit"].value == "15360MiB"


def test_little_less_memory_is_not_worth_a_change():
    advice = _by_key(_job(worker_gb=6.2))["cluster.memory_limit"]
    assert advice.value == advice.asked_value == "8192MiB"


def test_nobody_is_told_to_ask_for_next_to_nothing():
    assert _by_key(_job(worker_gb=0.1))["cluster.memory_limit"].value == "1024MiB"


@pytest.mark.parametrize(
    ("busiest", "cores"), [(0.1, 1), (1.1, 1), (1.3, 2), (3.9, 4), (4.6, 4)]
)
def test_cores_are_those_of_the_busiest_minute(busiest, cores):
    advice = _by_key(_job(worker_gb=1.0, busiest=busiest))["cluster.cores"]
    assert (advice.suggested, advice.value, advice.asked) == (cores, str(cores), 4)
    assert "busiest minute" in advice.why


def test_cores_without_samples_are_those_on_average():
    advice = _by_key(_job(cpu_s=2 * 3600.0, max_rss_bytes=GB))["cluster.cores"]
    assert advice.suggested == 2
    assert "on average" in advice.why


def test_a_shorter_walltime_where_jobs_are_short():
    jobs = (_job(elapsed_s=3600.0), _job(elapsed_s=2 * 3600.0))
    advice = _by_key(*jobs)["cluster.worker_walltime"]
    assert (advice.value, advice.asked_value) == ("3h", "12h")


@pytest.mark.parametrize(
    "changes",
    [
        {"elapsed_s": 9 * 3600.0},
        {"elapsed_s": 10.9 * 3600},
        {"state": "TIMEOUT"},
        {"state": "TERM_RUNLIMIT"},
    ],
)
def test_the_walltime_stays_where_it_was_needed(changes):
    advice = _by_key(_job(**changes))["cluster.worker_walltime"]
    assert advice.value == "12h"
    assert ("the run goes on" in advice.why) == (changes != {"elapsed_s": 9 * 3600.0})


def test_a_job_that_goes_on_says_nothing_of_its_walltime():
    found = _by_key(_job(worker_gb=1.0, is_ended=False, state="RUNNING"))
    assert list(found) == ["cluster.memory_limit", "cluster.cores"]


@pytest.mark.parametrize(
    ("is_ended", "elapsed_s", "speaks"),
    [(True, 59, False), (True, 61, True), (False, 599, False), (False, 601, True)],
)
def test_no_advice_without_evidence(is_ended, elapsed_s, speaks):
    job = _job(worker_gb=1.0, is_ended=is_ended, elapsed_s=elapsed_s)
    assert bool(advise([job])) == speaks


def test_drivers_have_their_own_keys_and_no_overhead():
    driver = _job("driver", rss_gb=1.0, requested_bytes=4 * GB, cores=2)
    found = _by_key(driver, _job(worker_gb=3.0))
    assert found["cluster.driver_memory"].value == "1280MiB"
    assert found["cluster.driver_memory"].asked == 4 * GB
    assert found["cluster.driver_cores"].value == "1"
    assert found["cluster.walltime"].value == "1h30m"
    assert found["cluster.memory_limit"].role == "worker"
    assert found["cluster.memory_limit"].value == "3840MiB"


def test_a_driver_with_workers_in_its_job_has_only_a_walltime():
    found = _by_key(_job("driver", worker_gb=1.0, rss_gb=2.0))
    assert list(found) == ["cluster.walltime"]


def test_nothing_known_nothing_advised():
    unknown = {"requested_bytes": None, "cores": None, "walltime_s": None}
    assert advise([_job(**unknown)]) == []
    assert _by_key(_job(worker_gb=1.0, **unknown)).keys() == {"cluster.memory_limit"}
    assert advise([]) == []
