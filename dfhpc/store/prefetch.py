"""Reading ahead: the next block is fetched while the last is worked on."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetched(items: Iterable[T]) -> Iterator[T]:
    """Yield ``items`` in order; the next is made in a thread, so two are in memory.

    >>> list(prefetched(range(3)))
    [0, 1, 2]
    """
    iterator = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as thread:
        pending = thread.submit(lambda: list(_first(iterator)))
        while found := pending.result():
            pending = thread.submit(lambda: list(_first(iterator)))
            yield found[0]
            del found


def _first(iterator: Iterator[T]) -> Iterator[T]:
    """Yield one item, or none at the end."""
    for item in iterator:
        yield item
        return
