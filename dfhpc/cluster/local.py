"""Workers on this machine: a Dask LocalCluster, one process and thread a worker."""

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import distributed
import psutil
from dask.system import CPU_COUNT
from distributed.system import MEMORY_LIMIT

from dfhpc.cluster.blas import choose_blas
from dfhpc.cluster.signals import interrupts_blocked
from dfhpc.config import ClusterConfig
from dfhpc.errors import WorkerLostError

logger = logging.getLogger(__name__)

MEMORY_PER_WORKER = 2 * 1024**3
"""What a worker with TensorFlow and 1080p frames needs; fewer are started if short."""

POLL_S = 0.5

SCRATCH_PREFIX = "dfhpc-scratch-"

_DASK_SETTINGS = {
    # Dask may not judge which task killed a worker: the journal knows which video.
    "distributed.scheduler.allowed-failures": 0,
    # A unit asked for is a unit run: no second guessing where it would be cheaper.
    "distributed.scheduler.work-stealing": False,
    # Workers without a task go on living.
    "distributed.worker.lifetime.duration": None,
    "distributed.admin.log-length": 1000,
}


def choose_workers(cluster: ClusterConfig) -> int:
    """Return how many workers to start: one a core, if there is memory for them."""
    if cluster.workers is not None:
        return cluster.workers
    each = int(cluster.memory_limit or MEMORY_PER_WORKER)
    return max(1, min(int(CPU_COUNT), int(MEMORY_LIMIT) // each))


class DaskPool:
    """A window onto a Dask client."""

    def __init__(self, client: distributed.Client, worker_memory_bytes: int) -> None:
        """Wrap ``client``; its workers have so much memory each."""
        self._client = client
        self.worker_memory_bytes = worker_memory_bytes

    @property
    def num_workers(self) -> int:
        """Workers that are there now, at least one: a dead one is being replaced."""
        return max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def submit(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """Start one call; retrying is ours to decide, not the scheduler's."""
        return self._client.submit(function, *args, key=name, pure=False, retries=0)

    def wait(self, handles: list[Any]) -> list[Any]:
        """Return the handles that are done, none if half a second shows none."""
        try:
            done, _ = distributed.wait(
                handles, timeout=POLL_S, return_when="FIRST_COMPLETED"
            )
        except TimeoutError:
            return []
        return list(done)

    def result(self, handle: Any) -> Any:
        """Return what the call returned, or raise what it raised."""
        try:
            return handle.result()
        except distributed.KilledWorker as error:
            raise WorkerLostError(f"worker {error.last_worker.address} died") from error
        except distributed.client.FutureCancelledError as error:
            raise WorkerLostError(f"its result was lost: {error}") from error

    def forget(self, handles: list[Any]) -> None:
        """Cancel calls that have not begun."""
        if handles:
            self._client.cancel(handles, force=True)


@contextlib.contextmanager
def local_pool(
    cluster: ClusterConfig, plugin: distributed.WorkerPlugin | None = None
) -> Iterator[DaskPool]:
    """Start workers on this machine and yield a pool of them."""
    _sweep_scratch()
    workers = max(1, choose_workers(cluster))
    memory = int(cluster.memory_limit or MEMORY_LIMIT // workers)
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(_DASK_SETTINGS))
        stack.enter_context(dask.config.set(_worker_environment()))
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(
                prefix=f"{SCRATCH_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True
            )
        )
        with interrupts_blocked():
            local = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    memory_limit=memory,
                    local_directory=scratch,
                    dashboard_address=f"127.0.0.1:{cluster.dashboard_port}",
                    silence_logs=logging.CRITICAL,
                )
            )
            client = stack.enter_context(distributed.Client(local))
        if plugin is not None:
            client.register_plugin(plugin)
        logger.info("%d workers; dashboard: %s", workers, client.dashboard_link)
        yield DaskPool(client, memory)


def _worker_environment() -> dict[str, dict[str, str]]:
    """Return Dask's setting of a worker's environment, with the right BLAS added."""
    key = "distributed.nanny.pre-spawn-environ"
    environment = {name: str(value) for name, value in dask.config.get(key).items()}
    choose_blas(environment)
    return {key: environment}


def _sweep_scratch() -> None:
    """Remove the scratch folders of drivers that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"):
        pid = path.name.removeprefix(SCRATCH_PREFIX).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
