"""Probes of a batch system's commands, the same for SLURM and LSF."""

import shutil

from dfhpc.cluster.batch import BatchSystem, run_command
from dfhpc.cluster.launch import batch_system
from dfhpc.doctor.finding import Outcome, failure, ok, warning
from dfhpc.doctor.visit import Visit
from dfhpc.errors import BatchError
from dfhpc.this_job import BatchName

LOGIN_HOST = "log in to a login node of the cluster, or module load its batch system"


def system_of(visit: Visit) -> BatchSystem:
    """Return the batch system, for jobs of their own."""
    return batch_system(visit.job_config)


def version_line(system: BatchName) -> str:
    """Return what the batch system says of its version, "" where it does not tell."""
    tries = (
        [("sbatch", "--version")]
        if system == "slurm"
        else [("bsub", "-V"), ("lsid", "-V")]
    )
    for command in tries:
        # LSF's version goes to standard error.
        merged = ("bash", "-c", 'exec "$0" "$@" 2>&1', *command)
        try:
            lines = run_command(merged, timeout_s=20).strip().splitlines()
        except BatchError:
            continue
        if lines:
            return lines[0].strip()
    return ""


def commands(visit: Visit) -> Outcome:
    """Look for the commands of the batch system."""
    system = system_of(visit)
    missing = [name for name in system.commands if shutil.which(name) is None]
    if missing:
        return failure(
            f"There is no {' and no '.join(missing)} on this host's PATH.", LOGIN_HOST
        )
    there = f"{', '.join(system.commands)} are there"
    version = version_line(system.name)
    if not version:
        return warning(f"{there}, but do not tell their version.", LOGIN_HOST)
    return ok(f"{there}: {version}.")


def controller(visit: Visit) -> Outcome:
    """Ask the batch system for jobs."""
    system = system_of(visit)
    try:
        jobs = [job for job in system.jobs("") if job.state != "ended"]
    except BatchError as error:
        remedy = "scontrol ping" if system.name == "slurm" else "lsid"
        return failure(str(error), f"{remedy}; ask the site if it stays so")
    return ok(f"It answers; you have {len(jobs)} jobs there.")


def accounting(visit: Visit) -> Outcome:
    """Say whether finished jobs are accounted for."""
    is_slurm = visit.cluster.kind == "slurm"
    lost = "dfhpc usage then has only dfhpc's own samples, and runs are not harmed"
    name = "sacct" if is_slurm else "bacct"
    command = (name, "-n", "-X", "--format=JobID") if is_slurm else (name,)
    try:
        run_command(command, timeout_s=30)
    except BatchError as error:
        if "No matching job" not in str(error):
            return warning(f"No accounting: {error}", f"none is needed: {lost}")
    return ok(f"{name} answers.")
