"""What each batch job used of what was asked for it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dfhpc.batch_jobs import RecordedJob
from dfhpc.constants import EXIT_RESUMABLE
from dfhpc.usage.job_samples import Sampled, sampled_jobs
from dfhpc.usage.lsf_report import LsfReport, read_report
from dfhpc.usage.sacct import SlurmJob, ask_sacct
from dfhpc.usage.samples import Samples

RELEASED = "RELEASED"
"""How a worker's job ended that dfhpc itself gave back."""

STOPPED = "STOPPED"
"""How a driver's job ended that was asked to stop, and goes on in the next."""


@dataclass(frozen=True)
class JobUsage:
    """A batch job; None is what nobody knows."""

    job_id: str
    name: str
    system: str
    role: str
    source: str | None
    """Whose word the figures are: sacct, an LSF report, or dfhpc's samples."""
    node: str | None = None
    state: str | None = None
    """The batch system's word; or RELEASED, or STOPPED, where dfhpc knows better."""
    is_ended: bool = False
    exit_code: int | None = None
    submitted_t: float | None = None
    wait_s: float | None = None
    elapsed_s: float | None = None
    walltime_s: float | None = None
    cores: int | None = None
    cpu_s: float | None = None
    max_rss_bytes: float | None = None
    requested_bytes: float | None = None
    sampled: Sampled | None = None

    @property
    def cpu_share(self) -> float | None:
        """Return CPU time of cores times elapsed time, 1 where all were busy."""
        if self.cpu_s is None or not self.elapsed_s or not self.cores:
            return None
        return self.cpu_s / (self.elapsed_s * self.cores)

    @property
    def memory_share(self) -> float | None:
        """Return the most memory used of that asked for."""
        if self.max_rss_bytes is None or not self.requested_bytes:
            return None
        return self.max_rss_bytes / self.requested_bytes

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        shares = {"cpu_share": self.cpu_share, "memory_share": self.memory_share}
        return asdict(self) | shares


@dataclass(frozen=True)
class Accounts:
    """The jobs of a run, whose word was had for them, and whose was not, and why."""

    jobs: list[JobUsage]
    sources: list[str]
    problems: list[str]


def account(run_path: Path, recorded: list[RecordedJob], samples: Samples) -> Accounts:
    """Return what is known of each job, in the order of their submission."""
    slurm = [each.job.job_id for each in recorded if each.job.system == "slurm"]
    answer = ask_sacct(slurm) if slurm else None
    problems = [answer.problem] if answer is not None and answer.problem else []
    reports, missing = _read_reports(run_path, recorded)
    sampled = sampled_jobs(samples)
    jobs = []
    for each in recorded:
        job = _recorded(each)
        own = sampled.get(job.job_id)
        found = answer.jobs.get(job.job_id) if answer is not None else None
        if each.job.system == "slurm" and found is not None:
            job = _with_sacct(job, found)
        elif each.job.system == "lsf" and job.job_id in reports:
            job = _with_report(job, reports[job.job_id])
        jobs.append(_with_samples(_named(job, each.how), own))
    sources = dict.fromkeys(job.source for job in jobs if job.source is not None)
    return Accounts(jobs, list(sources), problems + missing)


def _recorded(each: RecordedJob) -> JobUsage:
    job = each.job
    return JobUsage(
        job_id=job.job_id,
        name=job.name,
        system=job.system,
        role=job.role,
        source=None,
        node=each.node,
        state=each.how,
        is_ended=each.ended_t is not None,
        submitted_t=each.submitted_t,
        walltime_s=job.walltime_s,
        cores=job.cores,
        requested_bytes=job.memory_bytes,
    )


def _with_sacct(job: JobUsage, found: SlurmJob) -> JobUsage:
    # What was recorded at submission stands where SLURM knows nothing.
    known = {
        "node": found.nodes,
        "exit_code": found.exit_code,
        "submitted_t": found.submitted_t,
        "wait_s": _between(found.submitted_t, found.started_t),
        "elapsed_s": found.elapsed_s,
        "walltime_s": found.walltime_s,
        "cores": found.cores,
        "cpu_s": found.cpu_s,
        "max_rss_bytes": found.max_rss_bytes,
        "requested_bytes": found.requested_bytes,
    }
    return _updated(job, known, "sacct", found.state, is_ended=found.is_ended)


def _with_report(job: JobUsage, report: LsfReport) -> JobUsage:
    used = report.usage
    submitted, started, ended = map(
        _seconds, (report.submitted, report.started, report.terminated)
    )
    elapsed = used.run_s if used.run_s is not None else _between(started, ended)
    known = {
        "node": ",".join(name for name, _ in report.hosts) or None,
        "exit_code": report.exit_code,
        "submitted_t": submitted,
        "wait_s": _between(submitted, started),
        "elapsed_s": elapsed,
        "cpu_s": used.cpu_s,
        "max_rss_bytes": used.max_rss_bytes,
        "requested_bytes": used.requested_bytes,
    }
    return _updated(job, known, "LSF report", report.state, is_ended=True)


def _updated(
    job: JobUsage, known: Mapping[str, Any], source: str, state: str, *, is_ended: bool
) -> JobUsage:
    given = {name: value for name, value in known.items() if value is not None}
    return replace(job, **given, source=source, state=state, is_ended=is_ended)


def _named(job: JobUsage, how: str | None) -> JobUsage:
    """Return a job with dfhpc's word for an end that only looks like a failure."""
    cancelled = job.state in ("CANCELLED", "TERM_OWNER", "EXIT")
    resumable = job.exit_code == EXIT_RESUMABLE
    if (how == RELEASED and cancelled) or (how == STOPPED and resumable):
        return replace(job, state=how)
    return job


def _with_samples(job: JobUsage, sampled: Sampled | None) -> JobUsage:
    """Return a job with its samples, which stand in for what is not known."""
    if sampled is None:
        return job
    own: dict[str, Any] = {
        "node": sampled.node,
        "elapsed_s": sampled.elapsed_s,
        "wait_s": _between(job.submitted_t, sampled.started_t),
        "cpu_s": sampled.cpu_s,
        "max_rss_bytes": sampled.max_rss_bytes,
        "source": "samples",
    }
    gaps = {name: value for name, value in own.items() if getattr(job, name) is None}
    return replace(job, **gaps, sampled=sampled)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)


def _seconds(time: datetime | None) -> float | None:
    # LSF prints the time of the cluster, which is that of this machine.
    return None if time is None else time.timestamp()


def _read_reports(
    run_path: Path, recorded: list[RecordedJob]
) -> tuple[dict[str, LsfReport], list[str]]:
    """Return the LSF reports by job, and a sentence on those that should be there."""
    found: dict[str, LsfReport] = {}
    missing = []
    for each in recorded:
        job = each.job
        if job.system != "lsf" or not job.output:
            continue
        path = run_path / job.output.replace("%J", job.job_id)
        try:
            report = read_report(path, job.job_id)
        except OSError:
            report = None
        if report is not None:
            found[job.job_id] = report
        elif each.ended_t is not None:
            missing.append(path.name)
    if not missing:
        return found, []
    names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    return found, [f"no LSF report on the job in {names}"]
