"""Weights of the columns of a Gram matrix, as integers, so that sums stay exact.

With standardization the Gram matrix of rows x and y is ``sum((x - m) d (y - m))``
over columns, with ``d = 1 / variance``. One factor of each product is a pixel and
exact as it is. The other, ``d (y - m)``, is rounded to 16 bits and taken as two
bytes, so that the whole sum is one of products of bytes. How finely it is rounded
follows the column: an integer times ``2**-exponent``, with exponents in steps of 2, so
that few groups of columns arise and 14 bits or more are left. Summed over 307,200
columns the error stays near 1e-6 of the sum.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import ROW_LENGTH
from dfhpc.models.columns import ColumnSums
from dfhpc.models.products import ZERO, SignedBytes
from dfhpc.store.reading import Pixels

LARGEST = 32_512
"""Largest integer that splits into two signed bytes."""

EXPONENT_STEP = 2

UNUSED = -(2**15)
"""Exponent of a column that never changes, and so tells nothing."""

BLOCK_COLUMNS = 256
"""Columns rounded at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class Weighting:
    """Center, weight and exponent of each column; (307200,) each."""

    center: NDArray[np.uint8]
    """The mean of each column to the next integer; 128 without standardization."""
    weight: NDArray[np.float64]
    exponent: NDArray[np.int16]

    @classmethod
    def plain(cls) -> "Weighting":
        """Return the weighting of raw pixels: all columns weigh 1."""
        return cls(
            np.full(ROW_LENGTH, ZERO, np.uint8),
            np.ones(ROW_LENGTH),
            np.zeros(ROW_LENGTH, np.int16),
        )

    @classmethod
    def standardizing(cls, sums: ColumnSums) -> "Weighting":
        """Return the weighting that gives each column of the rows summed variance 1."""
        variance = sums.variance
        weight = np.divide(
            1.0, variance, out=np.zeros(len(variance)), where=variance > 0
        )
        center = np.rint(sums.mean).astype(np.uint8)
        low, high = sums.low.astype(np.float64), sums.high.astype(np.float64)
        reach = weight * np.maximum(high - center, center - low)
        return cls(center, weight, _exponents(reach))

    def for_any_row(self) -> "Weighting":
        """Return the same for rows that the exponents were not chosen for.

        A new row may be bright where all others are black.
        """
        if self.is_plain:
            return self
        reach = self.weight * np.maximum(self.center, 255 - self.center)
        return Weighting(self.center, self.weight, _exponents(reach))

    @property
    def is_plain(self) -> bool:
        """Whether all columns weigh 1."""
        return bool((self.weight == 1).all() and (self.center == ZERO).all())

    def groups(self, columns: slice) -> Iterator["Group"]:
        """Yield the groups of some columns that share an exponent."""
        exponents = self.exponent[columns]
        for exponent in np.unique(exponents[exponents != UNUSED]):
            chosen = np.flatnonzero(exponents == exponent)
            absolute = chosen + columns.start
            yield Group(
                None if len(chosen) == len(exponents) else chosen,
                self.center[absolute],
                self.weight[absolute],
                int(exponent),
                self.is_plain,
            )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what the constructor takes."""
        return {
            "center": self.center,
            "weight": self.weight,
            "exponent": self.exponent,
        }


def _exponents(reach: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return the largest exponents, in steps, at which ``reach`` fits 16 bits."""
    used = reach > 0
    exponent = np.full(len(reach), UNUSED, np.int16)
    # frexp: LARGEST / reach is at least 2**(e - 1), exactly.
    largest = np.frexp(LARGEST / reach[used])[1] - 1
    exponent[used] = largest // EXPONENT_STEP * EXPONENT_STEP
    return exponent


@dataclass(frozen=True)
class Group:
    """Columns of a panel that share an exponent."""

    chosen: NDArray[np.int64] | None
    """Which columns of the panel; None means all."""
    center: NDArray[np.uint8]
    weight: NDArray[np.float64]
    exponent: int
    is_plain: bool

    def take(self, panel: Pixels) -> Pixels:
        """Return the columns of this group, (rows, columns)."""
        return panel if self.chosen is None else np.take(panel, self.chosen, axis=1)

    @property
    def offset_row(self) -> Pixels:
        """One more row to multiply with, (1, columns).

        It gives what the centers take from each row's products; with raw pixels, the
        sum of each row less 128.
        """
        row = np.full(len(self.center), ZERO + 1, np.uint8)
        return (row if self.is_plain else self.center)[None]

    def factors(self, pixels: Pixels) -> list[tuple[float, SignedBytes]]:
        """Return weighted ``pixels`` as (scale, signed bytes (columns, rows))."""
        turned = np.ascontiguousarray(pixels.T)
        if self.is_plain:
            return [(1.0, (turned ^ np.uint8(ZERO)).view(np.int8))]
        high = np.empty(turned.shape, np.int8)
        low = np.empty(turned.shape, np.int8)
        weight = np.ldexp(self.weight, self.exponent).astype(np.float32)[:, None]
        center = self.center.astype(np.float32)[:, None]
        for start in range(0, len(turned), BLOCK_COLUMNS):
            part = slice(start, start + BLOCK_COLUMNS)
            values = turned[part].astype(np.float32)
            values -= center[part]
            values *= weight[part]
            whole = np.rint(values, out=values).astype(np.int16)
            low[part] = whole.astype(np.int8)
            whole -= low[part]
            high[part] = whole >> 8
        scale = 2.0**-self.exponent
        return [(256 * scale, high), (scale, low)]
