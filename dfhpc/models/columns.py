"""What is measured of each column over the training rows: mean and variance.

Sums of pixels and of their squares are integers, so they are exact and the same in
any order and for any number of workers.
"""

from collections.abc import Iterator, Sequence
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
    low: NDArray[np.uint8]
    """Least and greatest value, of all rows that were looked at."""
    high: NDArray[np.uint8]

    @property
    def mean(self) -> Floats:
        """Mean of each column."""
        return self.total / self.count

    @property
    def variance(self) -> Floats:
        """Variance of each column, as scikit-learn's StandardScaler has it."""
        # In integers: the difference of two large floats would lose what matters.
        return (self.count * self.squares - self.total**2) / self.count**2


def sum_columns(pixels: Pixels, chosen: NDArray[np.bool_] | None = None) -> ColumnSums:
    """Return the sums of (rows, columns), of ``chosen`` rows only if given."""
    total = np.zeros(pixels.shape[1], np.int64)
    squares = np.zeros(pixels.shape[1], np.int64)
    for start in range(0, len(pixels), SUM_ROWS):
        part = slice(start, start + SUM_ROWS)
        taken = pixels[part] if chosen is None else pixels[part][chosen[part]]
        block = taken.astype(np.uint16)
        total += block.sum(axis=0, dtype=np.uint32)
        np.multiply(block, block, out=block)
        squares += block.sum(axis=0, dtype=np.uint32)
    count = len(pixels) if chosen is None else int(np.count_nonzero(chosen))
    return ColumnSums(count, total, squares, pixels.min(axis=0), pixels.max(axis=0))


def column_ranges(width: int) -> Iterator[slice]:
    """Yield slices of ``width`` that together cover a row."""
    for start in range(0, ROW_LENGTH, width):
        yield slice(start, min(start + width, ROW_LENGTH))


def measure_columns(
    run: RunDirectory, pool: WorkPool, training: Rows, every: Rows
) -> ColumnSums:
    """Return the sums of all columns over ``training``, read once, on ``pool``.

    Least and greatest values are those of ``every`` row, which holds ``training``.
    """
    chosen = np.isin(every, training)
    units = [
        Unit.fixed(f"columns-{c.start:06d}", sum_range, run.path, every, chosen, c)
        for c in column_ranges(UNIT_COLUMNS)
    ]
    found = {columns.start: sums for _, (columns, sums) in run_units(pool, units)}
    return _joined([found[start] for start in sorted(found)])


def _joined(parts: Sequence[ColumnSums]) -> ColumnSums:
    """Return the sums of all columns from those of ranges, in order."""
    return ColumnSums(
        parts[0].count,
        np.concatenate([part.total for part in parts]),
        np.concatenate([part.squares for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
    )


def sum_range(
    run_dir: Path, rows: Rows, chosen: NDArray[np.bool_], columns: slice
) -> tuple[slice, ColumnSums]:
    """Return ``columns`` and their sums over the ``chosen`` of ``rows``."""
    reader = RowReader(RunDirectory(run_dir).store_path)
    chunks = [
        slice(start, start + CHUNK_COLUMNS)
        for start in range(columns.start, columns.stop, CHUNK_COLUMNS)
    ]
    return columns, _joined(
        [sum_columns(reader.read_columns(rows, chunk), chosen) for chunk in chunks]
    )
