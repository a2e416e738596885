"""Units of work over workers: a rolling window, so that no graph grows large."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from dfhpc.cluster.signals import hurry_requested, raise_if_stopped, stop_requested
from dfhpc.errors import WorkerLostError

MAX_UNEXPLAINED_LOSSES = 5
"""A unit that loses so many workers, for no cause we know, stops the run."""


@dataclass(frozen=True)
class Unit:
    """Work for one worker, safe to repeat; its result is a small receipt."""

    key: str
    function: Callable[..., Any]
    make_args: Callable[[str], tuple[Any, ...]]
    """From the name of an attempt to the arguments of that attempt."""

    @classmethod
    def fixed(cls, key: str, function: Callable[..., Any], *args: Any) -> "Unit":
        """Return a unit whose arguments are the same in every attempt."""
        return cls(key, function, lambda attempt: args)


class WorkPool(Protocol):
    """Workers that run functions; opened before the first, closed after the last."""

    @property
    def num_workers(self) -> int:
        """How many units run at a time."""
        ...

    @property
    def worker_memory_bytes(self) -> int:
        """What one worker may use."""
        ...

    def submit(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """Start one call and return a handle for it."""
        ...

    def wait(self, handles: list[Any]) -> list[Any]:
        """Return the handles that are done; may return none after a moment."""
        ...

    def result(self, handle: Any) -> Any:
        """Return what the call returned, or raise what it raised.

        Raises
        ------
        WorkerLostError
            When the worker died.
        """
        ...

    def forget(self, handles: list[Any]) -> None:
        """Give up calls that are not done."""
        ...


def run_units(
    pool: WorkPool,
    units: Iterable[Unit],
    on_lost: Callable[[Unit, str], bool] = lambda unit, attempt: False,
) -> Iterator[tuple[Unit, Any]]:
    """Yield each unit with its result, as they finish, in whatever order.

    At most one unit more than there are workers is under way. A unit whose
    worker died is tried again; ``on_lost`` is told of it, with the attempt's name,
    and says whether it knows the cause.

    Raises
    ------
    StoppedError
        When a stop was requested; running units are awaited first, unless hurried.
    WorkerLostError
        When a unit lost several workers without a known cause.
    """
    waiting = iter(units)
    running: dict[Any, tuple[Unit, str]] = {}
    losses: dict[str, int] = {}
    unfinished = False
    try:
        while True:
            while len(running) <= pool.num_workers and not stop_requested():
                unit = next(waiting, None)
                if unit is None:
                    break
                _start(pool, unit, running)
            if not running or hurry_requested():
                break
            for handle in pool.wait(list(running)):
                unit, attempt = running.pop(handle)
                try:
                    result = pool.result(handle)
                except WorkerLostError as error:
                    _count_loss(unit, losses, error, known=on_lost(unit, attempt))
                    if stop_requested():
                        unfinished = True
                    else:
                        _start(pool, unit, running)
                else:
                    yield unit, result
    finally:
        pool.forget(list(running))
    if running or unfinished or next(waiting, None) is not None:
        raise_if_stopped()


def _start(pool: WorkPool, unit: Unit, running: dict[Any, tuple[Unit, str]]) -> None:
    attempt = uuid.uuid4().hex
    name = f"{unit.key}-{attempt[:8]}"
    handle = pool.submit(name, unit.function, unit.make_args(attempt))
    running[handle] = (unit, attempt)


def _count_loss(
    unit: Unit, losses: dict[str, int], error: WorkerLostError, *, known: bool
) -> None:
    losses[unit.key] = losses.get(unit.key, 0) + (not known)
    if losses[unit.key] >= MAX_UNEXPLAINED_LOSSES:
        raise WorkerLostError(
            f"{unit.key} lost {MAX_UNEXPLAINED_LOSSES} workers ({error}). Often this "
            "is memory: use fewer workers or give them more, with --workers and "
            "cluster.memory_limit."
        ) from error
