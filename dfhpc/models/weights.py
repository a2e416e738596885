"""From dual coefficients to weights: one streamed pass over the training rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import ROW_LENGTH
from dfhpc.models.columns import UNIT_COLUMNS, column_ranges
from dfhpc.models.linear_model import LinearModel, dot
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import RowReader, Rows
from dfhpc.store.schema import CHUNK_COLUMNS

BLOCK_ROWS = 256
"""Rows of a chunk widened to float64 at a time."""

WEIGH_BYTES = 3 * BLOCK_ROWS * CHUNK_COLUMNS * 8

Floats = NDArray[np.float64]


def recover_weights(
    run: RunDirectory,
    pool: WorkPool,
    rows: Rows,
    fit: Mapping[str, Any],
    column_weights: Floats,
    *,
    from_mean: bool,
) -> LinearModel:
    """Return the weights over raw pixels of the fit with ``dual`` and ``intercept``.

    The fit is to inner products of rows measured from their mean, or from black,
    with a weight a column.
    """
    dual = np.asarray(fit["dual"], np.float64)
    total, mean = np.zeros(ROW_LENGTH), np.zeros(ROW_LENGTH)
    units = [
        Unit.fixed(
            f"weights-{c.start:06d}", weigh_columns, run.store_path, rows, dual, c
        )
        for c in column_ranges(UNIT_COLUMNS)
    ]
    for _, (columns, part, means) in run_units(pool, units):
        total[columns], mean[columns] = part, means
    if not from_mean:
        return LinearModel(column_weights * total, float(fit["intercept"]), mean)
    weights = column_weights * (total - mean * dual.sum())
    return LinearModel(weights, float(fit["intercept"]) - dot(mean, weights), mean)


def weigh_columns(
    store_path: Path, rows: Rows, dual: Floats, columns: slice
) -> tuple[slice, Floats, Floats]:
    """Return, for some columns, the rows times their coefficients, and their mean."""
    reader = RowReader(store_path)
    factors = np.stack([dual, np.full(len(rows), 1 / len(rows))])
    found = np.zeros((2, columns.stop - columns.start))
    for start in range(columns.start, columns.stop, CHUNK_COLUMNS):
        chunk = slice(start, min(start + CHUNK_COLUMNS, columns.stop))
        pixels = reader.read_columns(rows, chunk)
        inside = slice(chunk.start - columns.start, chunk.stop - columns.start)
        for first in range(0, len(rows), BLOCK_ROWS):
            part = slice(first, first + BLOCK_ROWS)
            found[:, inside] += factors[:, part] @ pixels[part].astype(np.float64)
    return columns, found[0], found[1]
