"""A pool that is opened by the first stage that has work, and by no other."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dfhpc.cluster.inline import InlinePool
from dfhpc.cluster.pool import WorkPool
from dfhpc.cluster.signals import raise_if_stopped
from dfhpc.cluster_config import ClusterConfig
from dfhpc.runs import RunDirectory

if TYPE_CHECKING:
    from distributed import WorkerPlugin

PoolOpener = Callable[[], AbstractContextManager[WorkPool]]
PluginMaker = Callable[[], "WorkerPlugin"]


class LazyPool:
    """Opens workers on demand, once, and closes them at the end."""

    def __init__(self, opener: PoolOpener) -> None:
        """Call ``opener`` when a pool is first asked for."""
        self._opener = opener
        self._stack = contextlib.ExitStack()
        self._pool: WorkPool | None = None

    def get(self) -> WorkPool:
        """Return the pool, opening it if it is not open."""
        if self._pool is None:
            self._pool = self._stack.enter_context(self._opener())
            raise_if_stopped()
        return self._pool

    @property
    def opened(self) -> WorkPool | None:
        """The pool, where it is open."""
        return self._pool

    def __enter__(self) -> Self:
        """Return self; nothing is opened yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the workers, if there are any."""
        self._stack.__exit__(kind, value, trace)


def pool_for(
    run: RunDirectory, cluster: ClusterConfig, make_plugin: PluginMaker
) -> LazyPool:
    """Return the pool that ``cluster`` asks for, its workers with a plugin each."""
    if cluster.is_batch:
        return LazyPool(lambda: _open_batch(run, cluster, make_plugin))
    if cluster.kind == "dask":
        return LazyPool(lambda: _open_remote(cluster, make_plugin))
    if cluster.workers == 0:
        return LazyPool(lambda: contextlib.nullcontext(InlinePool()))
    return LazyPool(lambda: _open_local(run, cluster, make_plugin))


def _open_batch(
    run: RunDirectory, cluster: ClusterConfig, make_plugin: PluginMaker
) -> AbstractContextManager[WorkPool]:
    from dfhpc.cluster.batch_pool import batch_pool

    return batch_pool(run, cluster, make_plugin())


def _open_remote(
    cluster: ClusterConfig, make_plugin: PluginMaker
) -> AbstractContextManager[WorkPool]:
    from dfhpc.cluster.remote import remote_pool

    return remote_pool(cluster, make_plugin())


def _open_local(
    run: RunDirectory, cluster: ClusterConfig, make_plugin: PluginMaker
) -> AbstractContextManager[WorkPool]:
    # Imported here: Dask takes a second, and a finished run needs none of it.
    from dfhpc.cluster.local import local_pool

    return local_pool(cluster, make_plugin(), run)
