"""Workers as jobs of a batch system, around a scheduler in this process."""

import contextlib
import logging
import signal
from collections.abc import Iterator
from typing import Any

import dask
import distributed

from dfhpc.cluster.batch import BatchSystem
from dfhpc.cluster.closing import closed_patiently
from dfhpc.cluster.dashboard import announce, forget
from dfhpc.cluster.dask_settings import BATCH_SETTINGS, DASK_SETTINGS
from dfhpc.cluster.identity import worker_prefix
from dfhpc.cluster.keeper import Keeper
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.local import DaskPool
from dfhpc.cluster.signals import raise_if_stopped
from dfhpc.cluster.tls import make_security
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError, ClusterError, WorkerLostError
from dfhpc.locks import is_held_here
from dfhpc.runs import RunDirectory
from dfhpc.this_job import this_job

logger = logging.getLogger(__name__)

JUDGE_S = 45.0
"""How long it may take to find out whether a worker was lost with its job."""


class BatchPool(DaskPool):
    """A pool that knows from its keeper why a worker was lost."""

    def __init__(self, client: distributed.Client, memory: int, keeper: Keeper) -> None:
        """Wrap ``client``; its workers have so much memory each."""
        super().__init__(client, memory)
        self._keeper = keeper
        self._in_doubt: dict[Any, str] = {}
        """Calls that lost their worker, by its name, of which nobody knows yet why."""
        self._blameless: dict[Any, bool] = {}

    @property
    def num_workers(self) -> int:
        """Workers that were there just now; calls in doubt keep none of them idle."""
        return super().num_workers + len(self._in_doubt)

    def wait(self, handles: list[Any]) -> list[Any]:
        """Return the handles that are done; raise if there is no hope for workers.

        One that lost its worker is done when it is known why; the others go on.
        """
        self._keeper.raise_if_failed()
        if not self._keeper.has_workers:
            # No unit is under way that a stop would wait for.
            raise_if_stopped()
        done = super().wait([each for each in handles if each not in self._in_doubt])
        for handle in done:
            if (name := _lost_worker(handle)) is not None:
                self._in_doubt[handle] = name
        self._judge()
        found = {*done, *self._blameless} - self._in_doubt.keys()
        return [handle for handle in handles if handle in found]

    def _judge(self) -> None:
        for handle, name in list(self._in_doubt.items()):
            verdict = self._keeper.is_blameless(name, JUDGE_S)
            if verdict is not None:
                del self._in_doubt[handle]
                self._blameless[handle] = verdict

    def check(self, handle: Any) -> None:
        """Raise what the call raised; a loss says whether the unit is to blame."""
        super().check(handle)
        self._keeper.note_progress()

    def result(self, handle: Any) -> Any:
        """Return what the call returned; a loss says whether the unit is to blame."""
        try:
            value = super().result(handle)
        except WorkerLostError as error:
            blameless = self._blameless.pop(handle, True)
            raise WorkerLostError(
                str(error), is_blameless=blameless
            ) from error.__cause__
        self._keeper.note_progress()
        return value

    def forget(self, handles: list[Any]) -> None:
        """Cancel calls that have not begun."""
        for handle in handles:
            self._in_doubt.pop(handle, None)
            self._blameless.pop(handle, None)
        super().forget(handles)


def _lost_worker(handle: Any) -> str | None:
    """Return the name of the worker that died of a call, or None."""
    error = handle.exception() if handle.status == "error" else None
    if isinstance(error, distributed.KilledWorker):
        return str(error.last_worker.name)
    return None


@contextlib.contextmanager
def batch_pool(
    run: RunDirectory,
    config: ClusterConfig,
    plugin: distributed.WorkerPlugin | None = None,
) -> Iterator[BatchPool]:
    """Start a scheduler here, workers as jobs, and yield a pool of them.

    Jobs that an earlier driver of this run left behind are cancelled first: they
    would start, find no scheduler, and cost their user's share. So are those that are
    left at the end, as one whose submission timed out and told no id.

    Raises
    ------
    ClusterError
        When the batch system's commands are not there, or no network is.
    """
    launch = _prepare(run, config)
    use_tls = config.tls is not False
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(DASK_SETTINGS))
        stack.enter_context(dask.config.set(BATCH_SETTINGS))
        # The last of all: a submission that failed may have left a job nevertheless.
        stack.callback(_cancel_left, run, launch)
        cluster = _open_cluster(launch, make_security(run) if use_tls else None)
        stack.enter_context(closed_patiently(contextlib.closing(cluster)))
        client = stack.enter_context(closed_patiently(distributed.Client(cluster)))
        if plugin is not None:
            client.register_plugin(plugin)
        keeper = Keeper(cluster, launch)
        keeper.start()
        stack.callback(keeper.stop)
        port = cluster.scheduler.services["dashboard"].port
        shown = announce(run, config, port, is_open=True)
        stack.callback(forget, run)
        logger.info(
            "%d workers asked of %s; dashboard: %s (from elsewhere: %s)",
            launch.num_workers,
            launch.system.name,
            shown["link"],
            shown["ssh"],
        )
        yield BatchPool(client, config.worker_bytes, keeper)


def _prepare(run: RunDirectory, config: ClusterConfig) -> Launch:
    run.job_logs_dir.mkdir(parents=True, exist_ok=True)
    if this_job() is None:
        logger.warning(
            "This driver is no batch job, and login nodes end long processes; "
            "`dfhpc submit` makes it one."
        )
    try:
        launch = Launch(run, config)
        if launch.are_jobs:
            cancel_orphans(run, launch.system, "that a dead driver left")
    except BatchError as error:
        if error.is_lasting:
            raise ClusterError(str(error)) from None
        logger.warning("Left-over jobs were not looked for: %s", error)
    return launch


def _cancel_left(run: RunDirectory, launch: Launch) -> None:
    # Another driver that has taken the lock has workers of the same names.
    if not launch.are_jobs or not is_held_here(run.lock_path):
        return
    try:
        cancel_orphans(run, launch.system, "that are left at the end")
    except BatchError as error:
        logger.warning("Left-over jobs were not looked for: %s", error)


def cancel_orphans(run: RunDirectory, system: BatchSystem, which: str) -> None:
    """Cancel the jobs of workers of this run; who holds its lock may do so."""
    prefix = worker_prefix(run)
    orphans = [
        job.job_id
        for job in system.jobs(prefix)
        if job.state != "ended" and job.word != "COMPLETING"
    ]
    if orphans:
        logger.info("Cancelling %d jobs %s.", len(orphans), which)
        system.cancel(orphans)


def _open_cluster(launch: Launch, security: distributed.Security | None) -> Any:
    before = signal.getsignal(signal.SIGINT)
    # The library takes Ctrl-C for itself when it is imported.
    from dfhpc.cluster.jobqueue import LsfWorkers, SlurmWorkers

    signal.signal(signal.SIGINT, before)
    kind = SlurmWorkers if launch.system.name == "slurm" else LsfWorkers
    try:
        return kind(launch, security)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"The Dask scheduler does not start here: {error}. Look at "
            "cluster.interface and cluster.scheduler_port."
        ) from error
