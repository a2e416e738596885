"""Units of work over workers: a rolling window, so that no graph grows large."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from dfhpc.cluster.signals import hurry_requested, raise_if_stopped, stop_requested
from dfhpc.errors import WorkerLostError

MAX_UNEXPLAINED_LOSSES = 5
"""A unit that loses so many workers, for no cause we know, stops the run."""


MAX_BLAMELESS_LOSSES = 20


@dataclass(frozen=True)
class Unit:
    """Work for one worker, safe to repeat; its result is a small receipt."""

    key: str
    function: Callable[..., Any]
    make_args: Callable[[str], tuple[Any, ...]]
    """From the name of an attempt to the arguments of that attempt."""
    has_result: bool = True
    """Whether what it returns is wanted; fetching it costs as much as all the rest."""

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

    def check(self, handle: Any) -> None:
        """Raise as ``result`` does, and leave unfetched what the call returned."""
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

    The result is None where the unit says that it has none.

    As many units as there are workers are under way: one more would be promised to
    a worker before it is known which is free first. A unit whose worker died is
    tried again; ``on_lost`` is told of it, with the attempt's name,
    and says whether it knows the cause.

    Raises
    ------
    StoppedError
        When a stop was requested; running units are awaited first, unless hurried.
    WorkerLostError
        When a unit lost several workers without a known cause.
    """
    window = _Window(pool, iter(units), on_lost)
    try:
        while window.fill() and not hurry_requested():
            for handle in pool.wait(list(window.running)):
                yield from window.settle(handle)
    finally:
        pool.forget(list(window.running))
    if window.has_more():
        raise_if_stopped()


class _Window:
    """The units under way, and those to come."""

    def __init__(
        self,
        pool: WorkPool,
        waiting: Iterator[Unit],
        on_lost: Callable[[Unit, str], bool],
    ) -> None:
        self._pool = pool
        self._waiting = waiting
        self._on_lost = on_lost
        self._losses: dict[str, int] = {}
        self._taken_away: dict[str, int] = {}
        self._gave_up = False
        self.running: dict[Any, tuple[Unit, str]] = {}

    def fill(self) -> bool:
        """Start units while there is room, and return whether any is under way."""
        most = max(1, self._pool.num_workers)
        while len(self.running) < most and not stop_requested():
            unit = next(self._waiting, None)
            if unit is None:
                break
            self._start(unit)
        return bool(self.running)

    def settle(self, handle: Any) -> Iterator[tuple[Unit, Any]]:
        """Yield a unit that is done with its result; start a lost one again."""
        unit, attempt = self.running.pop(handle)
        try:
            fetch = self._pool.result if unit.has_result else self._pool.check
            result: Any = fetch(handle)
        except WorkerLostError as error:
            if error.is_blameless:
                self._count_blameless(unit, error)
            else:
                self._count_loss(unit, error, known=self._on_lost(unit, attempt))
            if stop_requested():
                self._gave_up = True
            else:
                self._start(unit)
        else:
            yield unit, result

    def has_more(self) -> bool:
        """Whether a unit is left that is not done."""
        left = self._gave_up or bool(self.running)
        return left or next(self._waiting, None) is not None

    def _start(self, unit: Unit) -> None:
        attempt = uuid.uuid4().hex
        name = f"{unit.key}-{attempt[:8]}"
        handle = self._pool.submit(name, unit.function, unit.make_args(attempt))
        self.running[handle] = (unit, attempt)

    def _count_blameless(self, unit: Unit, error: WorkerLostError) -> None:
        self._taken_away[unit.key] = self._taken_away.get(unit.key, 0) + 1
        if self._taken_away[unit.key] >= MAX_BLAMELESS_LOSSES:
            raise WorkerLostError(
                f"{unit.key} was begun on {MAX_BLAMELESS_LOSSES} workers, and each was "
                f"taken away ({error}). Look into the logs of their jobs."
            )

    def _count_loss(self, unit: Unit, error: WorkerLostError, *, known: bool) -> None:
        count = self._losses.get(unit.key, 0) + (not known)
        self._losses[unit.key] = count
        if count >= MAX_UNEXPLAINED_LOSSES:
            raise WorkerLostError(
                f"{unit.key} lost {count} workers ({error}). Often this is memory: use "
                "fewer workers or give them more, with --workers and "
                "cluster.memory_limit."
            ) from error
