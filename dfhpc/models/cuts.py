"""The best cut of some rows, found exactly: a byte has no more than 256 values.

A cut is worth ``d ** 2 / (l * r)``, where ``l`` and ``r`` are the weights of its sides
and ``d = left fakes * all reals - left reals * all fakes``: its gain in Gini impurity
but for a factor that all cuts of a node share. Among equal columns the first drawn
wins, among equal cuts of a column the lowest.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.compiled import compiled

FEW_ROWS = 128
"""Up to here each row is compared with each, many columns an instruction."""

BLOCK = 1024
"""Columns that are compared at a time."""

LOW_HALF = np.uint64(0xFFFFFFFF)
HIGH_HALF = np.uint64(32)

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
RowNumbers = NDArray[np.uint32]
"""Not signed: a negative index costs a test each time."""
Packed = NDArray[np.uint64]
"""How often rows were drawn, of fakes in the upper half."""
Floats = NDArray[np.float64]


class Patch(NamedTuple):
    """What one tree sees of its rows."""

    by_row: Bytes
    """(rows, columns)"""
    by_column: Bytes
    """The same values, (columns, rows)."""
    weights: Floats
    """Weight of a draw of each class: (2,)"""
    min_rows: int
    """Least number of rows on each side of a cut."""


class Work(NamedTuple):
    """Memory that every search uses again."""

    counts: Packed
    sizes: Ints
    tile: Bytes
    left: Bytes
    gains: Floats
    values: Bytes


def new_work() -> Work:
    """Return the memory that a search needs."""
    return Work(
        counts=np.zeros(256, np.uint64),
        sizes=np.zeros(256, np.int64),
        tile=np.zeros((FEW_ROWS, BLOCK), np.uint8),
        left=np.zeros((3, BLOCK), np.uint8),
        gains=np.zeros(BLOCK),
        values=np.zeros(BLOCK, np.uint8),
    )


@compiled
def best_cut(
    patch: Patch,
    tried: Ints,
    rows: RowNumbers,
    draws: Packed,
    total: np.uint64,
    work: Work,
) -> tuple[int, int]:
    """Return the best column of ``tried`` and the highest value on the left.

    The column is -1 if none can be cut. ``draws`` are those of ``rows``, and
    ``total`` is their sum.
    """
    reals, fakes = np.float64(total & LOW_HALF), np.float64(total >> HIGH_HALF)
    if len(rows) <= FEW_ROWS and max(reals, fakes) < 256:
        return best_of_few(patch, tried, rows, draws, reals, fakes, work)
    best, best_column, best_value = -1.0, -1, 0
    for column in tried:
        count_values(patch, column, rows, draws, work)
        gain, value = best_of_counts(patch, len(rows), reals, fakes, work)
        if gain > best:
            best, best_column, best_value = gain, column, value
    return best_column, best_value


@compiled
def count_values(
    patch: Patch, column: int, rows: RowNumbers, draws: Packed, work: Work
) -> None:
    """Count the draws of each class, and the rows, at each value."""
    values = patch.by_column[column]
    for value in range(256):
        work.counts[value] = 0
    for i in range(len(rows)):
        work.counts[values[rows[i]]] += draws[i]
    if patch.min_rows > 1:
        for value in range(256):
            work.sizes[value] = 0
        for i in range(len(rows)):
            work.sizes[values[rows[i]]] += 1


@compiled
def best_of_counts(
    patch: Patch, num_rows: int, reals: float, fakes: float, work: Work
) -> tuple[float, int]:
    """Return the gain and the value of a column's best cut; -1 if it has none."""
    best, best_value = -1.0, 0
    left, size = np.uint64(0), 0
    for value in range(256):
        left += work.counts[value]
        if patch.min_rows > 1:
            size += work.sizes[value]
            if size < patch.min_rows or num_rows - size < patch.min_rows:
                continue
        gain = cut_gain(
            np.float64(left & LOW_HALF),
            np.float64(left >> HIGH_HALF),
            reals,
            fakes,
            patch.weights,
        )
        if gain > best:
            best, best_value = gain, value
    return best, best_value


@compiled
def cut_gain(
    left_reals: float, left_fakes: float, reals: float, fakes: float, weights: Floats
) -> float:
    """Return what a cut is worth; no number where a side is empty."""
    lower = weights[0] * left_reals + weights[1] * left_fakes
    upper = weights[0] * (reals - left_reals) + weights[1] * (fakes - left_fakes)
    difference = left_fakes * reals - left_reals * fakes
    gain: float = difference * difference / (lower * upper)
    return gain


@compiled
def best_of_few(
    patch: Patch,
    tried: Ints,
    rows: RowNumbers,
    draws: Packed,
    reals: float,
    fakes: float,
    work: Work,
) -> tuple[int, int]:
    """Return what ``best_cut`` does; every row offers its own value as a cut."""
    best, best_column, best_value = -1.0, -1, 0
    for first in range(0, len(tried), BLOCK):
        block = tried[first : first + BLOCK]
        take_tile(patch, block, rows, work)
        for cut in range(len(rows)):
            add_left_rows(patch, cut, draws, len(block), work)
            keep_better(patch, cut, len(rows), reals, fakes, len(block), work)
        for k in range(len(block)):
            if work.gains[k] > best:
                best, best_column = work.gains[k], block[k]
                best_value = work.values[k]
    return best_column, best_value


@compiled
def take_tile(patch: Patch, block: Ints, rows: RowNumbers, work: Work) -> None:
    """Take the values of a block of columns and forget their best cuts."""
    for k in range(len(block)):
        work.gains[k] = -1.0
    for i in range(len(rows)):
        for k in range(len(block)):
            work.tile[i, k] = patch.by_row[rows[i], block[k]]


@compiled
def add_left_rows(
    patch: Patch, cut: int, draws: Packed, width: int, work: Work
) -> None:
    """Count what is left of a cut at the values of row ``cut``, in each column."""
    for what in range(3):
        for k in range(width):
            work.left[what, k] = 0
    for row in range(len(draws)):
        fake = np.int64(draws[row] > LOW_HALF)
        amount = np.uint8(draws[row] >> HIGH_HALF) + np.uint8(draws[row] & LOW_HALF)
        add_where_at_most(work, fake, row, cut, np.uint8(amount), width)
        if patch.min_rows > 1:
            add_where_at_most(work, np.int64(2), row, cut, np.uint8(1), width)


@compiled
def add_where_at_most(
    work: Work, what: np.int64, row: int, cut: int, amount: np.uint8, width: int
) -> None:
    """Add ``amount`` in those columns where ``row`` is left of the cut."""
    left, values, limits = work.left[what], work.tile[row], work.tile[cut]
    for k in range(width):
        left[k] += amount if values[k] <= limits[k] else np.uint8(0)


@compiled
def keep_better(
    patch: Patch,
    cut: int,
    num_rows: int,
    reals: float,
    fakes: float,
    width: int,
    work: Work,
) -> None:
    """Take the cut at the values of row ``cut`` in those columns where it is better."""
    least, most = patch.min_rows, num_rows - patch.min_rows
    values = work.tile[cut]
    for k in range(width):
        left_reals, left_fakes = work.left[0, k], work.left[1, k]
        gain = cut_gain(
            np.float64(left_reals), np.float64(left_fakes), reals, fakes, patch.weights
        )
        equal = (gain == work.gains[k]) & (values[k] < work.values[k])
        better = (gain > work.gains[k]) | equal
        if least > 1:
            better &= (work.left[2, k] >= least) & (work.left[2, k] <= most)
        work.gains[k] = gain if better else work.gains[k]
        work.values[k] = values[k] if better else work.values[k]
