"""The batch jobs of a run, as its own journal tells of them."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from dfhpc import journal
from dfhpc.runs import RunDirectory
from dfhpc.this_job import BatchName

JobRole = Literal["driver", "worker"]


@dataclass(frozen=True)
class BatchJob:
    """A job that was submitted, and what was asked for it."""

    job_id: str
    name: str
    system: BatchName
    role: JobRole
    cores: int
    memory_bytes: int | None
    """None where a driver was submitted by hand: dfhpc does not know."""
    walltime_s: int | None
    output: str
    """File of what the job printed; "" where dfhpc does not know."""


@dataclass(frozen=True)
class RecordedJob:
    """A job with what became of it."""

    job: BatchJob
    submitted_t: float
    ended_t: float | None = None
    how: str | None = None
    """The batch system's word for how it ended, as COMPLETED or EXIT."""
    node: str | None = None


def record_submitted(run: RunDirectory, job: BatchJob) -> None:
    """Note that ``job`` was submitted."""
    journal.append(run.jobs_path, {"event": "submitted", **asdict(job)})


def record_ended(
    run: RunDirectory, job_id: str, how: str, node: str | None = None
) -> None:
    """Note that a job has ended."""
    record = {"event": "ended", "job_id": job_id, "how": how, "node": node}
    journal.append(run.jobs_path, record)


def read_jobs(run: RunDirectory) -> list[RecordedJob]:
    """Return the jobs of a run in the order of their submission."""
    jobs: dict[str, RecordedJob] = {}
    for record in journal.read(run.jobs_path):
        job_id = record.get("job_id")
        if record.get("event") == "submitted":
            job = _job(record)
            jobs.setdefault(job.job_id, RecordedJob(job, record["t"]))
        elif record.get("event") == "ended" and job_id in jobs:
            known = jobs[job_id]
            jobs[job_id] = RecordedJob(
                known.job,
                known.submitted_t,
                record["t"],
                record["how"],
                record.get("node"),
            )
    return list(jobs.values())


def _job(record: dict[str, Any]) -> BatchJob:
    fields: dict[str, Any] = {
        name: record.get(name) for name in BatchJob.__dataclass_fields__
    }
    return BatchJob(**fields)
