"""In which order the rows of an epoch are seen: windows of partitions, then batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dfhpc.model_configs import CnnConfig
from dfhpc.store.reading import Rows


@dataclass(frozen=True)
class Window:
    """Some partitions that are in memory together, and batches of their rows."""

    partitions: tuple[int, ...]
    batches: tuple[Rows, ...]

    @property
    def rows(self) -> Rows:
        """All rows of its batches, ascending."""
        return np.sort(np.concatenate(self.batches))


def plan_epoch(
    rows: Rows, rows_per_partition: int, config: CnnConfig, epoch: int
) -> list[Window]:
    """Return the windows of an epoch, counted from 0, in order.

    Order depends on seed and epoch alone. Batches of a window differ by one row at
    most: a last one of two rows would weigh as much as one of ten.
    """
    partition_of = rows // rows_per_partition
    order = np.random.default_rng([config.seed, epoch]).permutation(
        np.unique(partition_of)
    )
    size = config.buffer_partitions
    windows = []
    for number in range(-(-len(order) // size)):
        taken = order[number * size : (number + 1) * size]
        inside = rows[np.isin(partition_of, taken)]
        rng = np.random.default_rng([config.seed, epoch, number])
        parts = -(-len(inside) // config.batch_rows)
        batches = np.array_split(rng.permutation(inside), parts)
        windows.append(Window(tuple(int(index) for index in taken), tuple(batches)))
    return windows


def count_batches(windows: Sequence[Window]) -> int:
    """Return how many batches there are in all windows."""
    return sum(len(window.batches) for window in windows)


def from_batch(windows: Sequence[Window], first: int) -> Iterator[Window]:
    """Yield what is left of ``windows`` when the first batches are done."""
    for window in windows:
        left = window.batches[first:] if first else window.batches
        first = max(0, first - len(window.batches))
        if left:
            yield Window(window.partitions, left)
