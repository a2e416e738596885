"""Inner products of rows that are at hand, as the Gram matrix has them."""

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.columns import column_ranges
from dfhpc.models.products import SignedBytes, best_product
from dfhpc.models.weighting import Weighting
from dfhpc.store.reading import Pixels
from dfhpc.store.schema import CHUNK_COLUMNS

Floats = NDArray[np.float64]


class WeightedRows:
    """Some rows made ready to be multiplied with many others."""

    def __init__(self, weighting: Weighting, rows: Pixels) -> None:
        """Round and weigh ``rows``, (n, 307200)."""
        weighting = weighting.for_any_row()
        self._num_rows = len(rows)
        self._panels = [
            _weigh(weighting, rows, columns)
            for columns in column_ranges(CHUNK_COLUMNS)
            # Where no column ever changes there is nothing to multiply.
            if any(weighting.groups(columns))
        ]
        self._offsets = np.zeros(len(rows))
        if not weighting.is_plain:
            self._offsets = self.products(weighting.center[None])[0]

    def products(self, pixels: Pixels) -> Floats:
        """Return the inner products of ``pixels`` with these rows: (m, n)."""
        product = best_product()[1]
        total = np.zeros((len(pixels), self._num_rows))
        for columns, scales, other in self._panels:
            found = product(np.ascontiguousarray(pixels[:, columns]), other)
            parts = found.reshape(len(pixels), len(scales), self._num_rows)
            total += np.einsum("mkn,k->mn", parts, scales)
        return np.asarray(total - self._offsets)


def _weigh(
    weighting: Weighting, rows: Pixels, columns: slice
) -> tuple[slice, Floats, SignedBytes]:
    """Return the scales and the signed bytes of a panel, (columns, scales * rows).

    Each group of columns has bytes of its own, 0 in all other columns: with few rows
    that costs less than to pick columns out of those they are multiplied with.
    """
    scales: list[float] = []
    blocks: list[SignedBytes] = []
    for group in weighting.groups(columns):
        chosen = slice(None) if group.chosen is None else group.chosen
        for scale, other in group.factors(group.take(rows[:, columns])):
            block = np.zeros((columns.stop - columns.start, len(rows)), np.int8)
            block[chosen] = other
            scales.append(scale)
            blocks.append(block)
    return columns, np.array(scales), np.concatenate(blocks, axis=1)
