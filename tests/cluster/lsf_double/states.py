"""What became of each job, from SLURM's queue and the double's own notes."""

import time
from dataclasses import dataclass

from tests.cluster.lsf_double.home import Home, Record
from tests.cluster.lsf_double.words import RefusedError

STILL_THERE = {"RUNNING", "COMPLETING", "CONFIGURING"}

PENDING = {
    "None": "New job is waiting for scheduling;",
    "Dependency": "Job dependency condition not satisfied;",
    "DependencyNeverSatisfied": "Dependency condition invalid or never satisfied;",
    "JobHeldUser": "Dependency condition invalid or never satisfied;",
    "Resources": "Job requirements for reserving resource (mem) not satisfied;",
    "Priority": "There are no suitable hosts for the job;",
}


@dataclass(frozen=True)
class Job:
    """A job as bjobs shows it."""

    id: str
    request: Record
    stat: str
    hosts: tuple[str, ...] = ()
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    exit_reason: str | None = None
    pend_reason: str | None = None

    @property
    def is_finished(self) -> bool:
        """Return whether the job has ended, well or not."""
        return self.stat in ("DONE", "EXIT")


def list_jobs(home: Home) -> list[Job]:
    """Return all jobs, oldest first."""
    # SLURM first: a job's end is noted before SLURM hears of it.
    listed = home.slurm("squeue", "--noheader", "--states=all", "--format=%i|%T|%r")
    if listed.returncode != 0:
        raise RefusedError("Connection refused by server")
    lines = [line.split("|") for line in listed.stdout.splitlines()]
    known = {job: (state, reason) for job, state, reason in lines}
    return [
        _state_of(job, request, known.get(job), home)
        for job, request in home.jobs().items()
    ]


def _state_of(
    job: str, request: Record, in_slurm: tuple[str, str] | None, home: Home
) -> Job:
    end = home.end(job)
    if end is None and in_slurm and in_slurm[0] == "PENDING":
        reason = PENDING.get(in_slurm[1], "There are no suitable hosts for the job;")
        return Job(job, request, "PEND", pend_reason=reason)
    start = home.start(job) or {"hosts": [], "started": None}
    begun = {"hosts": tuple(start["hosts"]), "started": start["started"]}
    if end is None and in_slurm and in_slurm[0] in STILL_THERE:
        return Job(job, request, "RUN", **begun)
    end = end or _lost(job, in_slurm, home)
    return Job(
        *(job, request, "EXIT" if end["exit_code"] else "DONE"),
        **begun,
        ended=end["ended"],
        exit_code=end["exit_code"],
        exit_reason=end["exit_reason"],
    )


def _lost(job: str, in_slurm: tuple[str, str] | None, home: Home) -> Record:
    """Note the end of a job whose runner could not: its host died, or SLURM killed."""
    reason = None
    if in_slurm and in_slurm[0] == "NODE_FAIL":
        reason = "TERM_REMOVE_HUNG_JOB: job removed from LSF"
    home.note_end(job, {"exit_code": 1, "exit_reason": reason, "ended": time.time()})
    return home.end(job)
