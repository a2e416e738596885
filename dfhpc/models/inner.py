"""Exact inner products of rows that are at hand, as the Gram matrix has them."""

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.columns import column_ranges
from dfhpc.models.products import best_product
from dfhpc.models.weighting import Weighting
from dfhpc.store.reading import Pixels
from dfhpc.store.schema import CHUNK_COLUMNS

Floats = NDArray[np.float64]


class WeightedRows:
    """Rows made ready to be multiplied with many others."""

    def __init__(self, weighting: Weighting, rows: Pixels) -> None:
        """Round and weigh ``rows``, (n, 307200)."""
        self._parts = [
            (columns, group, group.factors(group.take(rows[:, columns])))
            for columns in column_ranges(CHUNK_COLUMNS)
            for group in weighting.groups(columns)
        ]
        self._num_rows = len(rows)
        self._offsets = np.zeros(len(rows))
        if not weighting.is_plain:
            product = best_product()[1]
            for _, group, factors in self._parts:
                for scale, other in factors:
                    self._offsets += scale * product(group.offset_row, other)[0]

    def products(self, pixels: Pixels) -> Floats:
        """Return the inner products of ``pixels`` with these rows: (m, n)."""
        product = best_product()[1]
        total = np.zeros((len(pixels), self._num_rows))
        for columns, group, factors in self._parts:
            left = np.ascontiguousarray(group.take(pixels[:, columns]))
            for scale, other in factors:
                total += product(left, other) * scale
        return np.asarray(total - self._offsets)
