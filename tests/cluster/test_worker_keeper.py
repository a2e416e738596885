"""The keeper's judgement, on a cluster and a queue that do as the test says."""

import time
from types import SimpleNamespace

import pytest

from dfhpc.batch_jobs import read_jobs
from dfhpc.cluster import judging, keeper, signals
from dfhpc.cluster.batch import QueuedJob
from dfhpc.cluster.judging import STRIKES
from dfhpc.cluster.keeper import Keeper
from dfhpc.cluster.launch import Launch
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError, ClusterError
from dfhpc.runs import RunDirectory, read_json


class Site:
    """A cluster, its queue and its scheduler, in memory."""

    def __init__(self, run, workers):
        config = ClusterConfig(kind="slurm", workers=workers, max_replacements=6)
        self.launch = Launch(run, config)
        self.launch.system = self
        self.launch.exclude = self.exclude
        self.launch.readmit = self.readmit
        self.name = "slurm"
        self.excluded = []
        self.listing = {}
        self.answers = True
        self.asked = 0
        self.refusal = None
        self.worker_spec = {}
        self.workers = {}
        self.came = set()
        self.scheduler = SimpleNamespace(workers={})
        self.keeper = Keeper(self, self.launch)

    def jobs(self, prefix):
        self.asked += 1
        if not self.answers:
            raise BatchError("Unable to contact slurm controller")
        return list(self.listing.values())

    def exclude(self, node):
        self.excluded.append(node)

    def readmit(self):
        had, self.excluded = bool(self.excluded), []
        return had

    def sync(self, function, *args):
        function(*args)

    def renew(self, lost, count):
        for name in lost:
            self.worker_spec.pop(name, None)
        for _ in range(count):
            name = f"w{len(self.workers) + 1}"
            self.worker_spec[name] = {}
            job = SimpleNamespace(job_id=name[1:], error=None, began_t=time.time())
            if self.refusal is not None:
                job.job_id, job.error = None, self.refusal
            else:
                self.set(name, "pending", "PENDING", None)
            self.workers[name] = job

    def set(self, name, state, word, node="n1", *, connected=False):
        self.listing[name] = QueuedJob(name[1:], name, state, word, node, "Priority")
        self.scheduler.workers.pop(name, None)
        if connected:
            self.scheduler.workers[name] = SimpleNamespace(name=name)

    def look(self, times=1):
        for _ in range(times):
            self.keeper._look()

    @property
    def present(self):
        return sorted(self.worker_spec)


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    fake = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now)
    monkeypatch.setattr(judging, "time", fake)
    monkeypatch.setattr(keeper, "time", fake)
    return clock


@pytest.fixture
def site(tmp_path, clock):
    return Site(RunDirectory(tmp_path), workers=2)


def test_as_many_as_asked_for(site):
    site.look(3)
    assert site.present == ["w1", "w2"]


def test_a_lost_job_is_replaced_at_once_and_recorded(site):
    site.look()
    for name in ("w1", "w2"):
        site.set(name, "running", "RUNNING", connected=True)
    site.look()
    site.set("w1", "ended", "NODE_FAIL", "n2")
    site.look()
    assert site.present == ["w2", "w3"]
    state = read_json(site.launch.run.cluster_state_path)
    assert state["workers"] == {"wanted": 2, "running": 1, "pending": 0, "lost": 1}
    assert read_jobs(site.launch.run) == []


def test_jobs_that_fail_at_once_are_tried_ever_later(site, clock):
    site.look()
    submitted = {}

    def fail_all():
        for _ in range(200):
            clock.now += 1.0
            for name in site.present:
                submitted.setdefault(name, clock.now)
                site.set(name, "ended", "FAILED", node=None)
            site.look()

    with pytest.raises(ClusterError, match=r"jobs were lost .* Give|give the same"):
        fail_all()
    times = sorted(set(submitted.values()))
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > gaps[0]
    # Where no worker ever came, the search for one is short.
    assert len(submitted) <= 2 + judging.NEVER_CAME + 2


def _print(site, name, words):
    path = site.launch.output_of(name, name[1:])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)


def test_the_end_comes_with_the_last_words_of_the_last_job(site, clock):
    site.look()

    def fail_all():
        for _ in range(200):
            clock.now += 60.0
            for name in site.present:
                _print(site, name, f"module: no cuda\n{name}: gave up\n")
                site.set(name, "ended", "FAILED", "n3")
            site.look()

    with pytest.raises(ClusterError) as caught:
        fail_all()
    last = max(site.workers, key=lambda name: int(name[1:]))
    assert (
        f"the last: job {last[1:]} on n3 (FAILED) ended before its worker came; "
        f"it printed: module: no cuda / {last}: gave up. Look into "
    ) in str(caught.value)


def test_the_last_words_of_a_job_that_did_work_are_told_too(site, clock):
    site.look()

    def lose_all():
        for _ in range(20):
            name = site.present[0]
            site.set(name, "running", "RUNNING", connected=True)
            site.look()
            _print(site, name, "signal 7\n")
            site.set(name, "ended", "BUS_ERROR")
            site.look()

    with pytest.raises(ClusterError, match=r"\(BUS_ERROR\); it printed: signal 7\. "):
        lose_all()


def test_a_node_that_fails_jobs_is_excluded(site, clock):
    site.look()
    site.set("w1", "running", "RUNNING", "n1", connected=True)
    site.set("w2", "ended", "FAILED", "n3")
    site.look()
    assert site.excluded == []
    clock.now += 10
    site.look()
    site.set("w3", "ended", "FAILED", "n3")
    site.look()
    assert STRIKES == 2
    assert site.excluded == ["n3"]
    # What was the node's fault delays nobody.
    clock.now += 6
    site.look()
    assert site.present == ["w1", "w4"]


def test_what_all_nodes_do_excludes_none(site, clock):
    site.look()
    for node in ("n1", "n2", "n3", "n1", "n2", "n3"):
        if site.present:
            site.set(site.present[0], "ended", "FAILED", node)
            site.look()
        clock.now += 60
        site.look()
    assert site.excluded == []


def test_a_job_that_was_taken_away_is_no_strike(site, clock):
    site.look()
    site.set("w1", "running", "RUNNING", "n1", connected=True)
    site.look()
    for _ in range(4):
        last = site.present[-1]
        site.set(last, "ended", "PREEMPTED", "n3")
        site.look()
        clock.now += 200
        site.keeper.note_progress()
        site.look()
    assert site.excluded == []


def test_where_exclusion_leaves_no_node_they_are_readmitted(site):
    site.excluded = ["n3"]
    words = "Requested node configuration is not available"
    site.refusal = BatchError(words, is_lasting=True)
    site.look(2)
    assert site.excluded == []
    site.refusal = None


def test_a_job_in_the_queue_is_waited_for_however_long(site, clock):
    site.refusal = BatchError("Socket timed out")
    site.look(2)
    site.refusal = None
    for _ in range(1000):
        clock.now += 30
        site.look()
    assert len(site.present) == 2


def test_jobs_that_wait_long_are_reported_in_the_systems_words(site, clock, caplog):
    caplog.set_level("INFO", "dfhpc")
    site.look()
    site.set("w1", "running", "RUNNING", connected=True)
    clock.now += keeper.PENDING_REPORT_S - 60
    site.look()
    assert "not there yet" not in caplog.text
    clock.now += 120
    site.look(3)
    words = "1 of 2 workers are not there yet; the batch system says: Priority"
    assert caplog.text.count(words) == 1
    # Again after as long.
    clock.now += keeper.PENDING_REPORT_S + 1
    site.look(3)
    assert caplog.text.count(words) == 2


def test_jobs_that_can_never_start_end_the_hope(site, clock):
    site.look()
    for name in site.present:
        site.listing[name] = QueuedJob(
            name[1:], name, "pending", "PENDING", None, "PartitionTimeLimit"
        )
    site.look()
    clock.now += 100
    with pytest.raises(ClusterError, match="can start: PartitionTimeLimit"):
        site.look()


def test_the_queue_is_asked_seldom_while_nothing_changes(site, clock):
    site.look()
    for name in site.present:
        site.set(name, "running", "RUNNING", connected=True)
    site.look()
    clock.now += 100
    asked = site.asked
    for _ in range(100):
        clock.now += 3
        site.look()
    assert site.asked - asked == 10
    # A worker that goes is a change.
    site.scheduler.workers.clear()
    site.look(3)
    assert site.asked - asked >= 12


def test_a_queue_that_does_not_answer_loses_no_worker(site):
    site.look()
    for name in ("w1", "w2"):
        site.set(name, "running", "RUNNING", connected=True)
    site.look()
    site.answers = False
    site.look(5)
    assert site.present == ["w1", "w2"]


def test_a_refusal_that_lasts_ends_the_hope(site):
    site.refusal = BatchError("sbatch failed: invalid account", is_lasting=True)
    site.look()
    with pytest.raises(ClusterError, match="invalid account"):
        site.look()


def test_a_refusal_that_passes_is_borne(site, clock):
    site.refusal = BatchError("Socket timed out")
    site.look()
    for _ in range(60):
        clock.now += 10
        site.look()
    site.refusal = None
    clock.now += judging.MOST_DELAY_S
    site.look()
    site.look()
    assert len(site.present) == 2
    assert all(site.workers[name].error is None for name in site.present)


def test_a_refusal_for_an_hour_is_the_end(site, clock):
    site.refusal = BatchError("Socket timed out")
    site.look()

    def wait():
        for _ in range(1000):
            clock.now += 10
            site.look()

    with pytest.raises(ClusterError, match=r"For 60 minutes .* Socket timed out"):
        wait()


def test_losses_without_progress_are_bounded(site, clock):
    site.look()

    def lose(count, progress):
        for _ in range(count):
            name = site.present[0]
            site.set(name, "running", "RUNNING", connected=True)
            site.look()
            site.set(name, "ended", "CANCELLED")
            site.look()
            progress()

    lose(20, site.keeper.note_progress)
    with pytest.raises(ClusterError, match="7 worker jobs were lost"):
        lose(7, lambda: None)


def test_who_is_to_blame(site, monkeypatch):
    site.look()
    site.set("w1", "running", "RUNNING", connected=True)
    site.set("w2", "running", "RUNNING", connected=True)
    site.look()
    # Its nanny has started it again: it died of its unit.
    assert not site.keeper.is_blameless("w1", 5)
    site.set("w1", "ended", "OUT_OF_MEMORY")
    site.set("w2", "ended", "CANCELLED")
    site.look()
    assert not site.keeper.is_blameless("w1", 5)
    assert site.keeper.is_blameless("w2", 5)


def test_who_is_to_blame_may_stand_in_what_a_job_printed(site):
    site.look()
    for name, words in (("w1", "Exceeded job memory limit"), ("w2", "Bus error")):
        site.set(name, "running", "RUNNING", connected=True)
        printed = site.launch.output_of(name, name[1:])
        printed.parent.mkdir(parents=True, exist_ok=True)
        printed.write_text(f"slurmstepd: error: {words}\n")
    site.look()
    for name in ("w1", "w2"):
        site.set(name, "ended", "FAILED")
    site.look()
    assert not site.keeper.is_blameless("w1", 5)
    assert site.keeper.is_blameless("w2", 5)


def test_it_may_take_a_while_to_know_who_is_to_blame(site, clock):
    site.look()
    for name in ("w1", "w2"):
        site.set(name, "running", "RUNNING", connected=True)
    site.look()
    site.scheduler.workers.clear()
    # The queue still takes it for running, as it does with a node that just died.
    clock.now = time.time() + 40
    assert site.keeper.is_blameless("w1", 45) is None
    clock.now = time.time() + 46
    assert site.keeper.is_blameless("w1", 45) is True


def test_a_driver_that_is_to_stop_submits_no_more(site):
    site.look()
    for name in ("w1", "w2"):
        site.set(name, "running", "RUNNING", connected=True)
    site.look()
    signals.request_stop()
    site.set("w1", "ended", "CANCELLED")
    site.look()
    assert site.present == ["w2"]


def test_a_worker_that_came_for_a_moment_is_not_taken_for_one_that_never_came(site):
    site.look()
    site.came.add("w1")
    site.set("w1", "ended", "CANCELLED")
    site.look()
    # Replaced at once, as after any worker that did come.
    assert site.present == ["w2", "w3"]
