"""What follows from lost and refused jobs: patience, bad nodes, and when to give up."""

import logging
import re
import time
from collections import Counter
from collections.abc import Sequence

from dfhpc.batch_jobs import record_ended
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.watch import Fate, WatchedJob
from dfhpc.errors import BatchError, ClusterError

logger = logging.getLogger(__name__)

STRIKES = 2
"""A node on which so many jobs ended before their worker came gets no more, where
other nodes have workers."""

MOST_DELAY_S = 300.0
PATIENCE_S = 3600.0
"""With no job in the queue, refusals are borne for so long."""

NEVER_CAME = 4
"""So many more jobs than workers may fail before the first worker has come."""

HOPELESS_S = 60.0

_TAKEN_AWAY = ("CANCELLED", "PREEMPTED", "REVOKED", "TERM_OWNER", "TERM_PREEMPT")
"""Ends that say nothing about the node."""

_NEVER_STARTS = re.compile(
    "PartitionTimeLimit|PartitionNodeLimit|BadConstraints|MaxWallDuration|QOSMaxWall"
)
"""Reasons of pending jobs that no waiting mends."""


class Judge:
    """Keeps account of losses; ``note_progress`` wipes what was before."""

    def __init__(self, launch: Launch) -> None:
        """Judge the jobs of ``launch``; bad nodes are excluded there."""
        self._launch = launch
        self._strikes: Counter[str] = Counter()
        self._good_nodes: set[str] = set()
        self._losses = 0
        self._failures = 0
        self._ever_connected = False
        self._refused_since: float | None = None
        self._stuck_since: float | None = None
        self.total_lost = 0
        self.message: str | None = None
        self._last_loss = "see the log"
        """The job that was lost last, with what it printed at its end."""

    def note_progress(self) -> None:
        """Count what was lost before no more: a unit is done."""
        self._losses = self._failures = 0

    def see_at_work(self, jobs: Sequence[WatchedJob]) -> None:
        """Note on which nodes workers have come."""
        self._ever_connected |= bool(jobs)
        for job in jobs:
            if job.node is not None:
                self._good_nodes.add(job.node)
                self._strikes.pop(job.node, None)

    def judge(self, lost: Sequence[tuple[WatchedJob, Fate]]) -> None:
        """Count lost jobs, and note what they say of their nodes."""
        if any(fate == "failed" for _, fate in lost):
            self._failures += 1
        for job, fate in lost:
            self._judge_one(job, fate)
        self._exclude_bad_nodes()

    def delay_s(self) -> float:
        """Return how long to wait before the next try."""
        if not self._failures:
            return 0.0
        return min(MOST_DELAY_S, 5.0 * 2.0 ** min(self._failures - 1, 8))

    def _judge_one(self, job: WatchedJob, fate: Fate) -> None:
        self.total_lost += job.error is None and not job.ended_well
        if job.job_id is not None and self._launch.are_jobs:
            record_ended(self._launch.run, job.job_id, job.word, job.node)
        if job.error is not None:
            self._note_refusal(job.error)
        elif fate == "over" and job.ended_well:
            logger.info("Worker %s ended at the end of its time.", job.name)
        elif fate == "over":
            self._note_loss(job, _describe(job))
            logger.warning("Worker %s is gone: %s.", job.name, _describe(job))
        else:
            self.message = f"{_describe(job)} ended before its worker came"
            self._note_loss(job, self.message)
            logger.warning("%s", self._last_loss)
            if job.node is not None and not job.word.startswith(_TAKEN_AWAY):
                self._strikes[job.node] += 1

    def _note_loss(self, job: WatchedJob, how: str) -> None:
        self._losses += 1
        self._last_loss = f"{how}; it printed: {self.printed(job)}"

    def _note_refusal(self, error: BatchError) -> None:
        self._refused_since = self._refused_since or time.time()
        if str(error) != self.message:
            logger.warning("A worker was refused: %s", error)
        self.message = str(error)

    def _exclude_bad_nodes(self) -> None:
        """Exclude nodes that fail jobs, where it is not all nodes that do."""
        for node, count in list(self._strikes.items()):
            if count >= STRIKES and self._good_nodes - {node}:
                logger.warning("Node %s is excluded: %d jobs failed.", node, count)
                self._launch.exclude(node)
                self._good_nodes.discard(node)
                del self._strikes[node]
                # The others are not to wait for what was this node's fault.
                self._failures = 0

    def give_up_if_hopeless(
        self, jobs: Sequence[WatchedJob], refusals: Sequence[BatchError]
    ) -> None:
        """Raise where waiting is of no use; ``jobs`` wait or run, none is refused.

        Raises
        ------
        ClusterError
            Saying what was tried, in the batch system's last words.
        """
        if self._launch.num_workers == 0:
            raise ClusterError(
                f"No node of this job is left for workers; the last: {self.message}. "
                "Give the same command again, in another job."
            )
        self._refuse_lasting(jobs, refusals)
        self._refuse_losses()
        self._refuse_stuck(jobs)
        if jobs or self._refused_since is None:
            self._refused_since = None
        elif time.time() - self._refused_since > PATIENCE_S:
            raise ClusterError(
                f"For {PATIENCE_S / 60:.0f} minutes the batch system took no worker: "
                f"{self.message} Give the same command again later."
            )

    def _refuse_lasting(
        self, jobs: Sequence[WatchedJob], refusals: Sequence[BatchError]
    ) -> None:
        lasting = [error for error in refusals if error.is_lasting]
        if not lasting or jobs:
            return
        if self._launch.readmit():
            logger.warning("No node is left for workers: excluded ones get a chance.")
            return
        raise ClusterError(
            f"The batch system refuses the workers: {lasting[0]} Mend [cluster] of the "
            "recipe, and give the same command again; where nodes may not submit, say "
            "--workers-in-job."
        )

    def _refuse_losses(self) -> None:
        most = self._launch.config.max_replacements
        if not self._ever_connected:
            # Where none ever came, more jobs would meet the same.
            most = min(most, self._launch.num_workers + NEVER_CAME)
        if self._losses > most:
            raise ClusterError(
                f"{self._losses} worker jobs were lost with nothing done between; the "
                f"last: {self._last_loss}. Look into "
                f"{self._launch.run.job_logs_dir}; then give the same command again."
            )

    def _refuse_stuck(self, jobs: Sequence[WatchedJob]) -> None:
        reasons = [job.listed.reason if job.listed else "" for job in jobs]
        if not jobs or not all(map(_NEVER_STARTS.search, reasons)):
            self._stuck_since = None
            return
        self._stuck_since = self._stuck_since or time.time()
        if time.time() - self._stuck_since > HOPELESS_S:
            raise ClusterError(
                f"No worker's job can start: {reasons[0]}. Ask for less in [cluster] "
                "of the recipe, and give the same command again."
            )

    def ended_for_memory(self, job: WatchedJob) -> bool:
        """Whether a job took more memory than it had; SLURM may only print it."""
        if "MEM" in job.word:
            return True
        has_failed = job.word.startswith(("FAILED", "STEP FAILED"))
        words = "memory limit|oom.kill"
        return has_failed and re.search(words, self.printed(job), re.I) is not None

    def printed(self, job: WatchedJob) -> str:
        """Return the end of what a job printed."""
        path = self._launch.output_of(job.name, str(job.job_id))
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return f"nothing ({path} is not there)"
        return " / ".join(line.strip() for line in lines[-8:] if line.strip())[-600:]


def _describe(job: WatchedJob) -> str:
    where = f" on {job.node}" if job.node else ""
    return f"job {job.job_id}{where} ({job.word})"
