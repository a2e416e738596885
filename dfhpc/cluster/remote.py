"""Workers of a Dask cluster that someone else has started."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import distributed
from distributed.comm import CommClosedError

from dfhpc.cluster.closing import closed_patiently
from dfhpc.cluster.dask_settings import DASK_SETTINGS
from dfhpc.cluster.local import DaskPool
from dfhpc.cluster.signals import raise_if_stopped
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import ClusterError, WorkerLostError

logger = logging.getLogger(__name__)

CONNECT_S = 30

REJOIN_S = 45.0

WAIT_S = 900.0
"""How long to wait for the first worker of a scheduler that has none."""

GONE = (
    "The Dask scheduler is gone; what is finished is kept. Start one, and give the "
    "same command again with its address."
)


class RemotePool(DaskPool):
    """A pool whose scheduler may go away."""

    @property
    def num_workers(self) -> int:
        """Workers that are there now, at least one."""
        with self._watching():
            return super().num_workers

    def submit(self, name: str, function: Any, args: tuple[Any, ...]) -> Any:
        """Start one call."""
        with self._watching():
            return super().submit(name, function, args)

    def wait(self, handles: list[Any]) -> list[Any]:
        """Return the handles that are done; raise when the scheduler is gone."""
        with self._watching():
            return super().wait(handles)

    def result(self, handle: Any) -> Any:
        """Return what the call returned; a lost scheduler cancels every call.

        A worker that dies of its unit is started again by its nanny, under its name;
        one that does not come back was taken away, and its unit is not to blame.
        """
        with self._watching():
            try:
                return super().result(handle)
            except WorkerLostError as error:
                cause = error.__cause__
                name = getattr(getattr(cause, "last_worker", None), "name", None)
                is_blameless = name is None or not self._comes_back(str(name))
                raise WorkerLostError(str(error), is_blameless=is_blameless) from cause

    def _comes_back(self, name: str) -> bool:
        end = time.monotonic() + REJOIN_S
        while time.monotonic() < end:
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            if name in {str(info["name"]) for info in workers}:
                return True
            time.sleep(1.0)
        return False

    def check(self, handle: Any) -> None:
        """Raise what the call raised."""
        with self._watching():
            super().check(handle)

    def count_workers(self) -> int:
        """Return how many workers there are now; may be none."""
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def forget(self, handles: list[Any]) -> None:
        """Cancel calls; where the scheduler is gone, they are gone too."""
        with contextlib.suppress(ClusterError), self._watching():
            super().forget(handles)

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Say by one error that the scheduler is gone, however the block meets it."""
        self._raise_if_gone()
        try:
            yield
        except CommClosedError as error:
            # It is noticed here before the client has noticed.
            raise ClusterError(GONE) from error
        except WorkerLostError:
            self._raise_if_gone()
            raise

    def _raise_if_gone(self) -> None:
        if self._client.status != "running":
            raise ClusterError(GONE)


@contextlib.contextmanager
def remote_pool(
    config: ClusterConfig, plugin: distributed.WorkerPlugin | None = None
) -> Iterator[RemotePool]:
    """Connect to a scheduler and yield a pool of its workers.

    Raises
    ------
    ClusterError
        When nothing answers there.
    """
    address = config.address
    is_file = Path(address).is_file()
    where = {"scheduler_file": address} if is_file else {"address": address}
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(DASK_SETTINGS))
        stack.enter_context(dask.config.set({"distributed.comm.retry.count": 0}))
        try:
            opened = distributed.Client(**where, timeout=CONNECT_S)
            client = stack.enter_context(closed_patiently(opened))
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(
                f"No Dask scheduler answers at {address}: {error}."
            ) from error
        if plugin is not None:
            client.register_plugin(plugin)
            stack.callback(_unregister, client, plugin)
        workers = _await_workers(client, address)
        logger.info("%d workers at %s.", len(workers), address)
        yield RemotePool(client, _least_memory(workers))


def _await_workers(client: distributed.Client, address: str) -> dict[str, Any]:
    """Return the workers that are there, waiting for the first.

    Raises
    ------
    ClusterError
        When none comes in a quarter of an hour.
    """
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
        if workers:
            return workers
        raise_if_stopped()
        logger.info("The scheduler at %s has no workers yet.", address)
        with contextlib.suppress(TimeoutError):
            client.wait_for_workers(1, timeout=min(60.0, WAIT_S))
    raise ClusterError(
        f"The scheduler at {address} has had no workers for {WAIT_S / 60:.0f} minutes. "
        "Start some, and give the same command again."
    )


def _least_memory(workers: dict[str, dict[str, Any]]) -> int:
    """Return what the smallest worker may use; 0 stands for no limit."""
    limits = [int(info["memory_limit"]) for info in workers.values()]
    given = [limit for limit in limits if limit > 0]
    return min(given, default=2**62)


def _unregister(client: distributed.Client, plugin: distributed.WorkerPlugin) -> None:
    if client.status != "running":
        # There is nobody to tell, and trying would take its time.
        return
    with contextlib.suppress(Exception):
        client.unregister_worker_plugin(plugin.name)
