"""What is measured of each column over the training rows: mean and variance.

Sums of pixels and of their squares are integers, so they are exact and the same in
any order and for any number of workers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import ROW_LENGTH
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import Pixels, RowReader, Rows
from dfhpc.store.schema import CHUNK_COLUMNS

UNIT_COLUMNS = 2 * CHUNK_COLUMNS

SUM_ROWS = 512
"""Rows summed at a time; their squares fit 32 bits by far."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ColumnSums:
    """Exact sums over some rows, (columns,) each."""

    count: int
    total: Integers
    squares: Integers

    @property
    def mean(self) -> Floats:
        """Mean of each column."""
        return self.total / self.count

    @property
    def variance(self) -> Floats:
        """Variance of each column, as scikit-learn's StandardScaler has it."""
        # In integers: the difference of two large floats would lose what matters.
        return (self.count * self.squares - self.total**2) / self.count**2


def sum_columns(pixels: Pixels) -> ColumnSums:
    """Return the sums of (rows, columns)."""
    total = np.zeros(pixels.shape[1], np.int64)
    squares = np.zeros(pixels.shape[1], np.int64)
    for start in range(0, len(pixels), SUM_ROWS):
        block = pixels[start : start + SUM_ROWS].astype(np.uint16)
        total += block.sum(axis=0, dtype=np.uint32)
        np.multiply(block, block, out=block)
        squares += block.sum(axis=0, dtype=np.uint32)
    return ColumnSums(len(pixels), total, squares)


def column_ranges(width: int) -> Iterator[slice]:
    """Yield slices of ``width`` that together cover a row."""
    for start in range(0, ROW_LENGTH, width):
        yield slice(start, min(start + width, ROW_LENGTH))


def measure_columns(run: RunDirectory, pool: WorkPool, rows: Rows) -> ColumnSums:
    """Return the sums of all columns over ``rows``, read once, on ``pool``."""
    total = np.zeros(ROW_LENGTH, np.int64)
    squares = np.zeros(ROW_LENGTH, np.int64)
    units = [
        Unit.fixed(f"columns-{c.start:06d}", sum_range, run.path, rows, c)
        for c in column_ranges(UNIT_COLUMNS)
    ]
    for _, (columns, sums) in run_units(pool, units):
        total[columns], squares[columns] = sums.total, sums.squares
    return ColumnSums(len(rows), total, squares)


def sum_range(run_dir: Path, rows: Rows, columns: slice) -> tuple[slice, ColumnSums]:
    """Return ``columns`` and their sums over ``rows`` of the store."""
    reader = RowReader(RunDirectory(run_dir).store_path)
    parts = [
        sum_columns(reader.read_columns(rows, slice(start, start + CHUNK_COLUMNS)))
        for start in range(columns.start, columns.stop, CHUNK_COLUMNS)
    ]
    total = np.concatenate([part.total for part in parts])
    squares = np.concatenate([part.squares for part in parts])
    return columns, ColumnSums(len(rows), total, squares)
