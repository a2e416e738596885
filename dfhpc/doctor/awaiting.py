"""Waiting for the probe job: it may wait, die, vanish, or tell what it saw."""

import os
import time
from pathlib import Path

from dfhpc.cluster.batch import BatchSystem, QueuedJob
from dfhpc.doctor.finding import Outcome, failure, ok
from dfhpc.doctor.node import REPORT
from dfhpc.doctor.order import ARRIVED, LONGEST_S, NO_PYTHON, output_path
from dfhpc.doctor.visit import Visit
from dfhpc.errors import BatchError
from dfhpc.runs import read_json

_FIRST_POLL_S = 0.5
_POLL_S = 5.0

MISSED = 3
"""Of so many listings in a row a job must be absent, to be taken for ended."""


class Vigil:
    """Watches one job by its queue and by the folder it writes to."""

    def __init__(
        self, visit: Visit, folder: Path, system: BatchSystem, name: str
    ) -> None:
        """Prepare to watch a job of this name."""
        self._visit = visit
        self._folder = folder
        self._system = system
        self._name = name
        self._job_id = ""
        self._told = ""
        self._missed = 0
        self._seen: QueuedJob | None = None
        self._has_run = False

    def outcome(self, job_id: str) -> Outcome:
        """Wait for the job and say how it went; keep what it tells in the visit."""
        self._job_id = job_id
        began = time.monotonic()
        poll = _FIRST_POLL_S
        while not self._has(REPORT):
            state = self._look()
            waited = time.monotonic() - began
            if state != "ended" and waited > self._visit.wait_s and not self._has_run:
                return self._pending()
            if state == "ended" or waited > self._visit.wait_s + LONGEST_S:
                return self._ended()
            time.sleep(poll)
            poll = min(_POLL_S, poll * 1.2)
        return self._reported()

    def _look(self) -> str:
        """Return the state of the job as far as a listing tells."""
        try:
            listing = self._system.jobs("")
        except BatchError as error:
            self._say(f"The batch system does not answer: {error}")
            return "unknown"
        job = next((one for one in listing if one.job_id == self._job_id), None)
        if job is None:
            self._missed += 1
            return "ended" if self._missed >= MISSED else "unknown"
        self._missed, self._seen = 0, job
        self._has_run = self._has_run or job.state != "pending"
        # Directives that were not read leave a job without its name.
        self._visit.report["named"] = job.name == self._name
        where = f" on {job.node}" if job.node else ""
        why = f": {_reason(job)}" if job.state == "pending" and job.reason else ""
        self._say(f"The probe job {job.job_id} is {job.state}{where}{why}.")
        self._visit.node = job.node or self._visit.node
        return job.state

    def _say(self, words: str) -> None:
        if words != self._told:
            self._told = words
            self._visit.tell(words)

    def _has(self, name: str) -> bool:
        # To list a folder makes NFS look for what is new in it.
        return name in os.listdir(self._folder)

    def _reported(self) -> Outcome:
        self._visit.report |= read_json(self._folder / REPORT)
        found = self._visit.report.get("python", {})
        if self._visit.node == "node":
            self._visit.node = str(found.get("host", "node"))
        return ok(f"Job {self._job_id} ran on {self._visit.node}, and dfhpc in it.")

    def _pending(self) -> Outcome:
        reason = _reason(self._seen) if self._seen else ""
        return failure(
            f"No job started within {self._visit.wait_s:.0f} s; the batch system says: "
            f"{reason or 'nothing'}.",
            "if the queue is only busy, --wait 3600; else change [cluster] as the "
            "reason says",
        )

    def _ended(self) -> Outcome:
        """Say how far a job came that left no report, once it is sure it left none."""
        deadline = time.monotonic() + self._visit.grace_s
        self._say(
            "The probe job has ended and no report is seen; some shared folders need "
            f"a while, so it is waited for {self._visit.grace_s:.0f} s."
        )
        while not self._has(REPORT):
            if time.monotonic() > deadline:
                return self._died()
            time.sleep(_FIRST_POLL_S)
        return self._reported()

    def _died(self) -> Outcome:
        word = self._seen.word if self._seen else "gone"
        node = (self._seen and self._seen.node) or "a node"
        if not self._has(ARRIVED):
            return failure(
                f"Job {self._job_id} ended ({word}) on {node} and left nothing in "
                f"{self._visit.place}: the node does not see that folder, or fails "
                "every job.",
                "--run-dir DIR on the shared file system, or "
                f'cluster.exclude_nodes = ["{node}"]',
            )
        if self._has(NO_PYTHON):
            return failure(
                f"On {node} there is no {self._visit.python}.",
                "make the environment anew on the shared file system, or load it by "
                'cluster.setup = ["module load ..."]',
            )
        return failure(
            f"On {node} dfhpc does not start (job {self._job_id} is {word}); it "
            f"printed: {self._printed() or 'nothing'}.",
            "cluster.setup: lines of shell that make it start; cluster.memory_limit "
            "if it was killed for memory",
        )

    def _printed(self) -> str:
        """Return the end of what the job printed."""
        path = output_path(self._visit, self._name, self._job_id)
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return " / ".join(lines[-3:])[-400:]


def _reason(job: QueuedJob) -> str:
    """Return why a job is pending; LSF ends its reasons with a semicolon."""
    return job.reason.rstrip("; .")
