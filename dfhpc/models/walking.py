"""Rows from the roots of trees to their leaves, compiled where there are many."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 8
"""Rows that walk one tree after the other while a cache has them and it."""


FEW_WALKS = 20_000
"""Rows times trees that are walked before machine code would be ready."""


def walker(num_walks: int) -> Any:
    """Return ``sum_leaves``, compiled if there are many rows times trees.

    Both add the same numbers in the same order.
    """
    return sum_leaves if num_walks <= FEW_WALKS else _compiled()


@functools.cache
def _compiled() -> Any:
    from dfhpc.models.compiled import compiled

    return compiled(sum_leaves)


def sum_leaves(
    roots: NDArray[np.int32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.uint8],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    value: NDArray[np.float64],
    rows: NDArray[np.uint8],
    steps: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    """Fill ``sums`` with each row's leaves, summed over the trees up to each step."""
    for first in range(0, len(rows), ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, len(rows))
        for step in range(len(steps)):
            for row in range(first, last):
                sums[step, row] = sums[step - 1, row] if step > 0 else 0.0
            for tree in range(steps[step - 1] if step > 0 else 0, steps[step]):
                for row in range(first, last):
                    node = roots[tree]
                    while feature[node] >= 0:
                        goes_left = rows[row, feature[node]] <= threshold[node]
                        node = left[node] if goes_left else right[node]
                    sums[step, row] += value[node]
