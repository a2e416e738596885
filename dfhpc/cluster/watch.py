"""What is known of each worker's job: from the queue, and from Dask's scheduler."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from dfhpc.cluster.batch import QueuedJob
from dfhpc.errors import BatchError

LISTED_LATE_S = 20.0
"""A job just submitted may not be listed yet."""

MISSED_LISTINGS = 2
"""Of so many listings in a row a job must be absent, to be taken for ended."""

REJOIN_S = 45.0
"""A nanny starts its worker again in seconds; a job without a worker for longer is
lost, whatever the batch system says of it."""

FRESH_S = 10.0

ENDED_WELL = ("COMPLETED", "DONE", "STEP COMPLETED")

Fate = Literal["waiting", "working", "over", "failed"]


@dataclass
class WatchedJob:
    """A worker's job."""

    name: str
    submitted_t: float
    job_id: str | None = None
    error: BatchError | None = None
    """Why it was not submitted."""
    listed: QueuedJob | None = None
    missed: int = 0
    running_t: float | None = None
    connected_t: float | None = None
    """When its worker was last seen at the scheduler."""

    def see(self, listed: QueuedJob | None, now: float) -> None:
        """Take note of what a listing said, if it said anything."""
        if listed is not None:
            self.listed, self.missed = listed, 0
            if listed.state == "running" and self.running_t is None:
                self.running_t = now
        elif now - self.submitted_t > LISTED_LATE_S:
            self.missed += 1

    @property
    def has_ended(self) -> bool:
        """Whether the batch system has done with it."""
        if self.listed is not None and self.listed.state == "ended":
            return True
        return self.missed >= MISSED_LISTINGS

    def _is_merely_unlisted(self, now: float) -> bool:
        """Whether its worker is there, though the queue does not show the job."""
        seen = self.connected_t is not None and now - self.connected_t < FRESH_S
        return seen and self.missed > 0

    def fate(self, now: float, connect_s: float) -> Fate:
        """Return what is to be made of it."""
        if self.error is not None:
            return "failed"
        if self.has_ended and not self._is_merely_unlisted(now):
            return "failed" if self.connected_t is None else "over"
        if self.connected_t is not None:
            return "working" if now - self.connected_t < REJOIN_S else "over"
        if self.running_t is not None and now - self.running_t > connect_s:
            return "failed"
        return "waiting"

    @property
    def ended_well(self) -> bool:
        """Whether it worked, and ended by itself, as at the end of its lifetime."""
        return self.connected_t is not None and self.word in ENDED_WELL

    @property
    def word(self) -> str:
        """The batch system's word for how it stands."""
        if self.error is not None:
            return "REFUSED"
        return "GONE" if self.listed is None or self.missed else self.listed.word

    @property
    def node(self) -> str | None:
        """Where it runs or ran."""
        return self.listed.node if self.listed is not None else None


@dataclass
class Watch:
    """All jobs of the workers that should be there."""

    connect_s: float
    jobs: dict[str, WatchedJob] = field(default_factory=dict)

    def see(
        self,
        listing: Iterable[QueuedJob] | None,
        connected: Iterable[str],
        came: Collection[str] = (),
    ) -> None:
        """Take note of a listing, None where none was to be had, and of workers.

        ``came`` names those that were there at any time, if only for a moment.
        """
        now = time.time()
        if listing is not None:
            by_id = {job.job_id: job for job in listing}
            for job in self.jobs.values():
                if job.job_id is not None:
                    job.see(by_id.get(job.job_id), now)
        for name in connected:
            if name in self.jobs:
                self.jobs[name].connected_t = now
        for job in self.jobs.values():
            if job.connected_t is None and job.name in came:
                job.connected_t = now

    def lost(self) -> list[tuple[WatchedJob, Fate]]:
        """Return the jobs that are to be replaced, and how they ended."""
        now = time.time()
        fates = [(job, job.fate(now, self.connect_s)) for job in self.jobs.values()]
        return [(job, fate) for job, fate in fates if fate in ("over", "failed")]
