"""All that `dfhpc usage` has to say of a run."""

from collections.abc import Sequence
from typing import Any

from dfhpc.batch_jobs import read_jobs
from dfhpc.runs import RunDirectory
from dfhpc.usage.advice import advise
from dfhpc.usage.efficiency import JobUsage, account
from dfhpc.usage.samples import Samples, read_samples, total
from dfhpc.usage.summary import usage_of_run, usage_of_stages


def read_report(run: RunDirectory, samples: Samples | None = None) -> dict[str, Any]:
    """Return the usage of stages, run and batch jobs, as JSON values.

    ``stages`` by name and ``run`` as ``read_usage`` has them; ``jobs`` in the order of
    their submission, ``efficiency`` over the jobs of each role, ``advice`` on what to
    ask for, and ``accounting``: whose word there is on jobs, and why none on some.
    """
    samples = read_samples(run.usage_dir) if samples is None else samples
    summed = total(samples.series)
    stages = usage_of_stages(samples, summed)
    whole = usage_of_run(samples, summed)
    accounts = account(run.path, read_jobs(run), samples)
    return {
        "stages": {stage: used.to_json() for stage, used in stages.items()},
        "run": None if whole is None else whole.to_json(),
        "jobs": [job.to_json() for job in accounts.jobs],
        "efficiency": {
            role: _efficiency([job for job in accounts.jobs if job.role == role])
            for role in dict.fromkeys(job.role for job in accounts.jobs)
        },
        "advice": [advice.to_json() for advice in advise(accounts.jobs)],
        "accounting": {"sources": accounts.sources, "problems": accounts.problems},
    }


def _efficiency(jobs: Sequence[JobUsage]) -> dict[str, Any]:
    """Return what all jobs of a role used of what was asked for them."""
    known = [job for job in jobs if job.cpu_share is not None]
    core_s = sum((job.elapsed_s or 0.0) * (job.cores or 0) for job in known)
    cpu_s = sum(job.cpu_s or 0.0 for job in known)
    shares = [job.memory_share for job in jobs if job.memory_share is not None]
    waits = [job.wait_s for job in jobs if job.wait_s is not None]
    return {
        "jobs": len(jobs),
        "ended": sum(job.is_ended for job in jobs),
        "core_s": core_s,
        "cpu_s": cpu_s,
        "cpu_share": cpu_s / core_s if core_s else None,
        "max_memory_share": max(shares, default=None),
        "mean_wait_s": sum(waits) / len(waits) if waits else None,
        "max_wait_s": max(waits, default=None),
    }
