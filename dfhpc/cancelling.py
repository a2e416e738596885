"""Cancelling all jobs of a run."""

import logging
import time

from dfhpc.batch_jobs import read_jobs, record_ended
from dfhpc.cluster.batch import BatchSystem, QueuedJob
from dfhpc.cluster.identity import driver_name, job_prefix
from dfhpc.cluster.launch import batch_system
from dfhpc.cluster_config import ClusterConfig
from dfhpc.runs import RunDirectory
from dfhpc.stages.scan import load_settings

logger = logging.getLogger(__name__)

DRIVER_END_S = 60.0
"""Batch systems kill a job that was asked to end and has not for half a minute."""


def cancel_run(run: RunDirectory, config: ClusterConfig) -> list[str]:
    """Cancel every job of a run that waits or runs, and no other; return their ids.

    Links that wait go first, or the next would start when the driver ends; then
    drivers, which release their workers and would submit new ones for those lost;
    when they have ended, whatever is left.

    Raises
    ------
    BatchError
        When the batch system does not answer.
    """
    systems = {known.job.system for known in read_jobs(run)}
    if config.is_batch:
        systems.add("slurm" if config.kind == "slurm" else "lsf")
    cancelled: dict[str, None] = {}
    for name in sorted(systems):
        system = batch_system(config.model_copy(update={"kind": name, "address": ""}))
        jobs = _own_jobs(run, system)
        drivers = [job for job in jobs if _is_driver(run, job)]
        for state in ("pending", "running"):
            system.cancel([job.job_id for job in drivers if job.state == state])
        _await_end(run, system, {job.job_id for job in drivers})
        left = _own_jobs(run, system)
        system.cancel([job.job_id for job in left])
        for job in (*drivers, *left):
            record_ended(run, job.job_id, "CANCELLED", job.node)
        cancelled |= {job.job_id: None for job in (*jobs, *left)}
    return list(cancelled)


def _await_end(run: RunDirectory, system: BatchSystem, drivers: set[str]) -> None:
    """Wait until drivers have ended, but not for ever."""
    end = time.monotonic() + DRIVER_END_S
    drivers &= {job.job_id for job in _own_jobs(run, system)}
    if drivers:
        logger.info(
            "Waiting up to %.0f s for the driver to end (job %s).",
            *(DRIVER_END_S, ", ".join(sorted(drivers))),
        )
    while drivers and time.monotonic() < end:
        time.sleep(0.5)
        drivers &= {job.job_id for job in _own_jobs(run, system)}


def _own_jobs(run: RunDirectory, system: BatchSystem) -> list[QueuedJob]:
    """Return jobs with the run's name, and drivers submitted by hand as recorded."""
    by_hand = {
        known.job.job_id: known.job.name
        for known in read_jobs(run)
        if known.job.role == "driver" and known.ended_t is None
    }
    return [
        job
        for job in system.jobs("")
        if job.state != "ended"
        # Job ids are used anew; a name beside makes it sure.
        and (
            job.name.startswith(job_prefix(run)) or by_hand.get(job.job_id) == job.name
        )
    ]


def _is_driver(run: RunDirectory, job: QueuedJob) -> bool:
    own = job.name.startswith(job_prefix(run))
    return job.name == driver_name(run) or not own


def cluster_of(run: RunDirectory) -> ClusterConfig:
    """Return where a run that was begun is worked on."""
    return load_settings(run).cluster
