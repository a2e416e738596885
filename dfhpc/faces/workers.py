"""Threads for the loops of one frame; how many there are changes no result."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """So many threads; with one, the calling thread does the work."""

    def __init__(self, count: int) -> None:
        """Start threads when they are first needed."""
        self.count = count
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def map(
        self, function: Callable[[Job], Result], jobs: Iterable[Job]
    ) -> Iterator[Result]:
        """Yield the results in the order of the jobs."""
        if self._pool is None:
            return map(function, jobs)
        return self._pool.map(function, jobs)


ONE_WORKER = Workers(1)
