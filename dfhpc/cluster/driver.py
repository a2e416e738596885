"""The driver as a job: who it is, which jobs still live, and its own records."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dfhpc.batch_jobs import BatchJob, read_jobs, record_ended, record_submitted
from dfhpc.cluster.launch import batch_system
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError, StoppedError
from dfhpc.runs import RunDirectory
from dfhpc.this_job import ThisJob, this_job


def own_job() -> str:
    """Return system and id of the job around this process, as "slurm 12", or ""."""
    return str(this_job() or "")


def job_lives(job: str) -> bool | None:
    """Return whether a job of this user still runs; None where that is not known."""
    kind, _, job_id = job.partition(" ")
    if kind not in ("slurm", "lsf"):
        return None
    system = batch_system(ClusterConfig.model_validate({"kind": kind}))
    try:
        listed = {found.job_id: found for found in system.jobs("")}
    except BatchError:
        return None
    return job_id in listed and listed[job_id].state != "ended"


@contextlib.contextmanager
def recorded_driver(
    run: RunDirectory, environment: Mapping[str, str] = os.environ
) -> Iterator[None]:
    """Note in the run's journal that this job drives it, and how that ended."""
    here = this_job(environment)
    if here is None:
        yield
        return
    if here.job_id not in {known.job.job_id for known in read_jobs(run)}:
        record_submitted(run, _by_hand(here, environment))
    node = environment.get("SLURMD_NODENAME") or environment.get("LSB_HOSTS")
    how = "FAILED"
    try:
        yield
        how = "COMPLETED"
    except StoppedError:
        how = "STOPPED"
        raise
    finally:
        # Where the disk is full, that is what there is to say, and not this.
        with contextlib.suppress(OSError):
            record_ended(run, here.job_id, how, node)


def _by_hand(here: ThisJob, environment: Mapping[str, str]) -> BatchJob:
    """Return what is known of a job that was not submitted by dfhpc."""
    name = environment.get("SLURM_JOB_NAME") or environment.get("LSB_JOBNAME", "")
    cores = environment.get("SLURM_CPUS_ON_NODE") or environment.get(
        "LSB_DJOB_NUMPROC", "1"
    )
    megabytes = environment.get("SLURM_MEM_PER_NODE", "")
    memory = int(megabytes) * 1024**2 if megabytes.isdecimal() else None
    count = int(cores) if cores.isdecimal() else 1
    output = environment.get("LSB_OUTPUTFILE", "").replace("%J", here.job_id)
    if output:
        # As -o says it, from the folder of the submission.
        output = str(Path(environment.get("LS_SUBCWD", ""), output))
    return BatchJob(
        here.job_id, name, here.system, "driver", count, memory, None, output
    )
