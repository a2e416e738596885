"""Submitting the drivers of a run: one job, or a chain of them."""

import contextlib
import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfhpc.batch_jobs import BatchJob, read_jobs, record_ended, record_submitted
from dfhpc.cluster import dashboard
from dfhpc.cluster.batch import BatchSystem, JobRequest, Submission
from dfhpc.cluster.chain import CHAIN
from dfhpc.cluster.driver import job_lives, own_job
from dfhpc.cluster.identity import driver_name, planned_driver_name
from dfhpc.cluster.launch import batch_system
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError, ConfigError, RunDirectoryError
from dfhpc.locks import hold, holder_of
from dfhpc.runs import RunDirectory

logger = logging.getLogger(__name__)

NO_ID = "%ID_OF_THE_JOB_BEFORE%"
"""Stands for a job id that only the submission of the job before gives."""


@dataclass(frozen=True)
class Night:
    """One link of a chain: a driver's job."""

    request: JobRequest
    submission: Submission


def plan_nights(
    run: RunDirectory, config: ClusterConfig, nights: int, env_script: Path | None
) -> list[Night]:
    """Return what would be submitted; only the batch system knows the jobs' ids.

    Nothing is written: a run that has no name for its jobs yet has a stand-in.

    Raises
    ------
    ConfigError
        When the recipe names no batch system.
    """
    body = driver_script(run, config, env_script)
    name = planned_driver_name(run)
    return [
        _night(
            driver_request(run, config, NO_ID if number else None, name), config, body
        )
        for number in range(nights)
    ]


def _night(request: JobRequest, config: ClusterConfig, body: str) -> Night:
    return Night(request, batch_system(config).submission(request, body))


def driver_request(
    run: RunDirectory, config: ClusterConfig, after: str | None, name: str | None = None
) -> JobRequest:
    """Return what is asked for a driver's job, with its workers inside or not."""
    name = name or driver_name(run)
    cores, memory, tasks = config.driver_cores, int(config.driver_memory), 1
    if config.workers_in_job:
        # Equal parts: the first is the driver's.
        tasks = config.num_jobs + 1
        cores = config.part_cores
        memory = max(config.worker_job_bytes, int(config.driver_memory))
    return JobRequest(
        name,
        cores,
        memory,
        config.walltime,
        run.job_logs_dir / f"{name}-%J.out",
        queue=config.driver_queue,
        tasks=tasks,
        signal_before_s=min(config.signal_before, config.walltime // 2),
        after=after,
        may_requeue=True,
    )


def driver_script(
    run: RunDirectory, config: ClusterConfig, env_script: Path | None
) -> str:
    """Return what a driver's job does: the run goes on, with this very Python.

    Raises
    ------
    ConfigError
        When the recipe names no batch system.
    """
    refuse_no_batch(config)
    programs = shlex.quote(str(Path(sys.executable).parent))
    lines = [
        f"cd {shlex.quote(str(Path.cwd()))} || exit 1",
        *config.setup,
        f'export PATH={programs}:"$PATH"',
    ]
    if env_script is not None:
        lines.append(f"source {shlex.quote(str(env_script))}")
    drivers = [known for known in read_jobs(run) if known.job.role == "driver"]
    lines += [
        f"export {CHAIN}={len(drivers) + 1}",
        f"export DFHPC_CORES={config.driver_cores}",
    ]
    # The job's signals reach dfhpc itself, which has taken the shell's place.
    command = [sys.executable, "-m", "dfhpc", "run", "--run-dir", str(run.path)]
    lines.append(f"exec {shlex.join(command)}")
    return "\n".join(lines)


def refuse_no_batch(config: ClusterConfig) -> None:
    """Refuse to submit where the work is not for a batch system.

    Raises
    ------
    ConfigError
        Always then.
    """
    if not config.is_batch:
        raise ConfigError(
            f"The run is for {config.kind} workers; say --cluster slurm or lsf."
        )


def submit_nights(
    run: RunDirectory, config: ClusterConfig, nights: int, env_script: Path | None
) -> list[str]:
    """Submit a chain of drivers and return their job ids.

    What was submitted before a refusal is cancelled: a chain is whole or absent.

    Raises
    ------
    BatchError
        In the batch system's words; also when the run has a driver already.
    RunLockedError
        When another process submits the same run now.
    """
    system = batch_system(config)
    # First, for it makes the folder of the run's keys, which is the owner's alone.
    driver_name(run)
    run.job_logs_dir.mkdir(parents=True, exist_ok=True)
    ids: list[str] = []
    # A lock of its own: a driver may start before the last one is submitted.
    with hold(run.cluster_dir / "submit.lock", own_job(), job_lives):
        _refuse_second(run, system)
        body = driver_script(run, config, env_script)
        try:
            for _ in range(nights):
                request = driver_request(run, config, ids[-1] if ids else None)
                night = _night(request, config, body)
                ids.append(system.submit(night.submission))
                _record(run, system, night.request, ids[-1])
        except BaseException:
            _take_back(run, system, ids)
            raise
    return ids


def _take_back(run: RunDirectory, system: BatchSystem, ids: Sequence[str]) -> None:
    """Cancel the part of a chain that was submitted; say what is left in the queue."""
    known = dict.fromkeys(ids)
    with contextlib.suppress(BatchError):
        # One whose submission was cut short has told no id.
        known |= dict.fromkeys(_queued(run, system))
    try:
        system.cancel(list(known))
    except BatchError as error:
        logger.error(  # noqa: TRY400
            "%s So %s may be left in the queue; give `dfhpc cancel %s` later.",
            *(error, _jobs(list(known)), run.path),
        )
        return
    with contextlib.suppress(OSError):
        for job_id in known:
            record_ended(run, job_id, "CANCELLED")


def _queued(run: RunDirectory, system: BatchSystem) -> list[str]:
    jobs = system.jobs(driver_name(run))
    return [job.job_id for job in jobs if job.state != "ended"]


def _refuse_second(run: RunDirectory, system: BatchSystem) -> None:
    if drivers := _queued(run, system):
        raise BatchError(
            f"{run.path} has drivers already: {_jobs(drivers)}. Wait for them, or "
            f"give `dfhpc cancel {run.path}` first."
        )


def _record(
    run: RunDirectory, system: BatchSystem, request: JobRequest, job_id: str
) -> None:
    job = BatchJob(
        job_id,
        request.name,
        system.name,
        "driver",
        request.cores * request.tasks,
        request.memory_bytes * request.tasks,
        request.walltime_s,
        str(request.output).replace("%J", job_id),
    )
    record_submitted(run, job)


def _jobs(ids: Sequence[str]) -> str:
    return ("jobs " if len(ids) > 1 else "job ") + ", ".join(ids)


def find_env_script(recipe: Path | None) -> Path | None:
    """Return the ``env.sh`` beside the recipe, or of a folder ``jobs`` here."""
    places = [recipe.parent] if recipe is not None else []
    for folder in (*places, Path("jobs")):
        script = folder / "env.sh"
        if script.is_file():
            return script.absolute()
    return None


def find_dashboard(run: RunDirectory) -> dict[str, Any]:
    """Return where the dashboard is.

    Raises
    ------
    RunDirectoryError
        When no driver works on the run.
    """
    found = dashboard.read(run)
    holder = holder_of(run.lock_path)
    if found is None or holder is None:
        raise RunDirectoryError(
            f"No driver with workers works on {run.path} now, so there is no dashboard."
        )
    return found
