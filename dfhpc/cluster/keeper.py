"""Keeps as many workers as were asked for: replaces lost ones, within bounds."""

import contextlib
import logging
import threading
import time
from typing import Any

from dfhpc.batch_jobs import record_ended
from dfhpc.cluster.batch import QueuedJob
from dfhpc.cluster.identity import worker_prefix
from dfhpc.cluster.judging import Judge
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.signals import stop_requested
from dfhpc.cluster.state import write_state
from dfhpc.cluster.watch import Watch, WatchedJob
from dfhpc.errors import BatchError, ClusterError

logger = logging.getLogger(__name__)

POLL_S = 3.0
"""Dask's scheduler is looked at so often; it is in this process."""

LIST_S = 30.0
"""The queue is asked for so seldom while nothing changes: it serves a whole site."""

LIVELY_S = 60.0
"""For so long after a change it is asked at every look."""

MOST_AT_ONCE = 20
"""Jobs submitted in one look, so that the next is not long in coming."""

PENDING_REPORT_S = 600.0


class Keeper:
    """A thread that looks after the jobs of the workers."""

    def __init__(self, cluster: Any, launch: Launch) -> None:
        """Look after the jobs of ``cluster``, of a class of ``jobqueue``."""
        self._cluster = cluster
        self._launch = launch
        self._watch = Watch(launch.connect_s + 60)
        self._judge = Judge(launch)
        self._next_try = 0.0
        self._reported_t = time.time()
        self._over_memory: set[str] = set()
        self._were_connected: set[str] = set()
        self._changed_t = time.time()
        self._listed_t = 0.0
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="keeper", daemon=True)
        self.failure: ClusterError | None = None

    def start(self) -> None:
        """Submit the workers and begin to look after them."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; the jobs are the cluster's to close."""
        self._stop.set()
        self._thread.join()
        for job in self._watch.jobs.values():
            if job.job_id is not None and self._launch.are_jobs:
                record_ended(self._launch.run, job.job_id, "RELEASED", job.node)
        self._watch.jobs.clear()
        self._report()

    def note_progress(self) -> None:
        """Count what was lost before no more: a unit is done."""
        self._judge.note_progress()

    def raise_if_failed(self) -> None:
        """Raise what ended the hope for workers."""
        if self.failure is not None:
            raise self.failure

    @property
    def has_workers(self) -> bool:
        """Whether any worker is there now."""
        return bool(self._connected())

    def is_blameless(self, name: str, within_s: float) -> bool | None:
        """Whether a worker was lost with its job; None where that is not known yet.

        A worker that dies of its unit is started again by its nanny, under its
        name; one that does not come back in time, or whose job has ended, was taken
        away. A job that ended for lack of memory is its unit's own doing.
        """
        # The queue knows, and is asked at once.
        self._changed_t = time.time()
        with self._looking:
            job = self._watch.jobs.get(name)
            if job is None or job.has_ended:
                return name not in self._over_memory
            if name in self._connected():
                return False
            gone_s = time.time() - (job.connected_t or job.submitted_t)
        return True if gone_s > within_s or self._stop.is_set() else None

    def _loop(self) -> None:
        while True:
            try:
                self._look()
            except ClusterError as error:
                self.failure = error
            except Exception:
                # A keeper that dies leaves a night without workers.
                logger.exception("Looking after the workers failed; it goes on.")
            if self._stop.wait(POLL_S):
                return

    def _look(self) -> None:
        self._take_over_submitted()
        if set(self._connected()) != self._were_connected:
            self._were_connected, self._changed_t = set(self._connected()), time.time()
        listing = self._list()
        with self._looking:
            connected = self._connected()
            self._watch.see(listing, connected, self._cluster.came)
            jobs = self._watch.jobs
            self._judge.see_at_work([jobs[name] for name in connected if name in jobs])
            lost = self._watch.lost()
            self._over_memory |= {
                job.name for job, _ in lost if self._judge.ended_for_memory(job)
            }
            for job, _ in lost:
                del jobs[job.name]
        self._judge.judge(lost)
        refusals = [job.error for job, _ in lost if job.error is not None]
        self._judge.give_up_if_hopeless(list(self._watch.jobs.values()), refusals)
        self._replace([job.name for job, _ in lost])
        self._report()

    def _list(self) -> list[QueuedJob] | None:
        """Return the queue; one that does not answer says nothing of the jobs."""
        now = time.time()
        if now - self._changed_t > LIVELY_S and now - self._listed_t < LIST_S:
            return None
        self._listed_t = now
        try:
            return self._launch.system.jobs(worker_prefix(self._launch.run))
        except BatchError as error:
            logger.debug("No listing: %s", error)
            return None

    def _connected(self) -> list[str]:
        return [str(w.name) for w in list(self._cluster.scheduler.workers.values())]

    def _take_over_submitted(self) -> None:
        """Watch the jobs that the cluster has submitted since the last look."""
        for name, job in list(self._cluster.workers.items()):
            if name not in self._watch.jobs and name in self._cluster.worker_spec:
                self._watch.jobs[name] = WatchedJob(
                    name, job.began_t, job.job_id, job.error
                )

    def _replace(self, lost: list[str]) -> None:
        """Submit what is missing, at once or after a while."""
        now = time.time()
        if lost:
            self._changed_t = now
            self._next_try = max(self._next_try, now + self._judge.delay_s())
        # A driver that is to stop needs no workers, and may not live to release them.
        wanted = 0 if stop_requested() else self._launch.num_workers
        missing = min(MOST_AT_ONCE, wanted - len(self._watch.jobs))
        count = missing if now >= self._next_try and self.failure is None else 0
        if (lost or count > 0) and not self._stop.is_set():
            self._cluster.sync(self._cluster.renew, lost, max(0, count))
            self._changed_t = time.time()

    def _report(self) -> None:
        jobs = list(self._watch.jobs.values())
        connected = set(self._connected()) if not self._stop.is_set() else set()
        pending = [j for j in jobs if j.name not in connected and j.error is None]
        reasons = [j.listed.reason for j in pending if j.listed and j.listed.reason]
        reason = reasons[0] if reasons else None
        judge = self._judge
        with contextlib.suppress(OSError):
            write_state(
                self._launch, jobs, connected, judge.total_lost, reason, judge.message
            )
        now = time.time()
        if pending and now - self._reported_t > PENDING_REPORT_S:
            self._reported_t = now
            logger.info(
                "%d of %d workers are not there yet; the batch system says: %s",
                len(pending),
                self._launch.num_workers,
                reason or "nothing",
            )
