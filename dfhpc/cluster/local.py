"""Workers on this machine: a Dask LocalCluster, one process and thread a worker."""

import contextlib
import logging
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import distributed
import psutil
from dask.system import CPU_COUNT
from distributed.system import MEMORY_LIMIT

from dfhpc.cluster.closing import closed_patiently
from dfhpc.cluster.dashboard import announce, forget
from dfhpc.cluster.dask_settings import DASK_SETTINGS, worker_environment
from dfhpc.cluster.signals import interrupts_blocked
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import WorkerLostError
from dfhpc.runs import RunDirectory

logger = logging.getLogger(__name__)

MEMORY_PER_WORKER = 2 * 1024**3
"""What a worker needs to train most models; fewer are started if memory is short."""

POLL_S = 0.5

SEND_S = 0.001
"""How long messages of the driver wait for others to go with; Dask's own is 10 ms."""

SCRATCH_PREFIX = "dfhpc-scratch-"


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
        # A unit is submitted when another ends: there is no other message to wait for.
        client.scheduler_comm.interval = SEND_S
        self.worker_memory_bytes = worker_memory_bytes
        self._num_workers = 0
        self._counted_at = -math.inf
        self._one_ended = threading.Event()

    @property
    def num_workers(self) -> int:
        """Workers that were there just now, at least one: dead ones are replaced."""
        # Asked twice a second, as the answer tells everything of every worker.
        if time.monotonic() > self._counted_at + POLL_S:
            info = self._client.scheduler_info(n_workers=-1)
            self._num_workers = len(info["workers"])
            self._counted_at = time.monotonic()
        return max(1, self._num_workers)

    @property
    def client(self) -> distributed.Client:
        """Dask's own client."""
        return self._client

    def submit(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """Start one call; retrying is ours to decide, not the scheduler's."""
        handle = self._client.submit(function, *args, key=name, pure=False, retries=0)
        handle.add_done_callback(self._note_end)
        return handle

    def _note_end(self, handle: distributed.Future) -> None:
        self._one_ended.set()

    def wait(self, handles: list[Any]) -> list[Any]:
        """Return the handles that are done, none if half a second shows none."""
        # Cleared before looking: an end between the two is seen or wakes the wait.
        self._one_ended.clear()
        done = [handle for handle in handles if handle.done()]
        if not done and self._one_ended.wait(POLL_S):
            done = [handle for handle in handles if handle.done()]
        return done

    def result(self, handle: Any) -> Any:
        """Return what the call returned, or raise what it raised."""
        try:
            return handle.result()
        except distributed.KilledWorker as error:
            self._counted_at = -math.inf
            raise WorkerLostError(f"worker {error.last_worker.address} died") from error
        except distributed.client.FutureCancelledError as error:
            raise WorkerLostError(f"its result was lost: {error}") from error

    def check(self, handle: Any) -> None:
        """Raise what the call raised; what it returned stays, and goes, where it is."""
        if handle.status != "finished":
            self.result(handle)

    def forget(self, handles: list[Any]) -> None:
        """Cancel calls that have not begun."""
        if handles:
            self._client.cancel(handles, force=True)


@contextlib.contextmanager
def local_pool(
    cluster: ClusterConfig,
    plugin: distributed.WorkerPlugin | None = None,
    run: RunDirectory | None = None,
) -> Iterator[DaskPool]:
    """Start workers on this machine and yield a pool of them.

    Where the dashboard is gets written into the run directory, if there is one.
    """
    _sweep_scratch()
    workers = max(1, choose_workers(cluster))
    memory = int(cluster.memory_limit or MEMORY_LIMIT // workers)
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(DASK_SETTINGS))
        stack.enter_context(dask.config.set(worker_environment()))
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(
                prefix=f"{SCRATCH_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True
            )
        )
        with interrupts_blocked():
            cluster_here = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=memory,
                local_directory=scratch,
                dashboard_address=f"127.0.0.1:{cluster.dashboard_port}",
                silence_logs=logging.CRITICAL,
            )
            local = stack.enter_context(closed_patiently(cluster_here))
            client = stack.enter_context(closed_patiently(distributed.Client(local)))
        if plugin is not None:
            client.register_plugin(plugin)
        if run is not None:
            port = local.scheduler.services["dashboard"].port
            announce(run, cluster, port, is_open=False)
            stack.callback(forget, run)
        logger.info("%d workers; dashboard: %s", workers, client.dashboard_link)
        yield DaskPool(client, memory)


def _sweep_scratch() -> None:
    """Remove the scratch folders of drivers that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"):
        pid = path.name.removeprefix(SCRATCH_PREFIX).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
