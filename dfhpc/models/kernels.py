"""Kernel matrices made of a Gram matrix: what solvers solve on."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import ROW_LENGTH
from dfhpc.models.gram_reader import Gram
from dfhpc.models.kernel_model import turn_to_rbf
from dfhpc.models.products import ZERO
from dfhpc.store.reading import Rows

Floats = NDArray[np.float64]

Origin = Literal["mean", "black", "rbf"]
"""Inner products of rows measured from their mean, or from black; or the rbf kernel."""


class Kernel:
    """The kernel of some training rows, by way of a Gram matrix that holds them."""

    def __init__(
        self,
        gram: Gram,
        rows: Rows,
        origin: Origin,
        *,
        gamma: float = 0.0,
        with_ones: bool = False,
    ) -> None:
        """Take the matrix, the training rows and what to make of them.

        ``gamma`` is that of the rbf kernel; ``with_ones`` gives rows one more column,
        of ones, for an intercept that is penalized.
        """
        self.gram = gram
        self.rows = rows
        self.origin = origin
        self.gamma = gamma
        self.with_ones = with_ones
        self._mean: Floats | None = None

    def square(self) -> Floats:
        """Return the kernel of the training rows with each other: (n, n)."""
        products = self.gram.square(self.rows)
        if self.origin == "rbf":
            diagonal = products.diagonal().copy()
            turn_to_rbf(products, diagonal, diagonal, self.gamma)
        elif self.origin == "mean":
            self._mean = products.mean(axis=0)
            center(products, self._mean)
        else:
            sums = self.gram.sums(self.rows)
            move_to_black(products, sums, sums)
        if self.with_ones:
            products += 1
        return products

    def against(self, rows: Rows) -> Floats:
        """Return the kernel of other rows with the training rows: (m, n)."""
        products = self.gram.block(rows, self.rows)
        if self.origin == "rbf":
            left, right = self.gram.diagonal(rows), self.gram.diagonal(self.rows)
            turn_to_rbf(products, left, right, self.gamma)
        elif self.origin == "mean":
            center(products, self._mean_products())
        else:
            move_to_black(products, self.gram.sums(rows), self.gram.sums(self.rows))
        if self.with_ones:
            products += 1
        return products

    def _mean_products(self) -> Floats:
        """Return the product of each training row with the mean training row."""
        if self._mean is None:
            self._mean = self.gram.square(self.rows).mean(axis=0)
        return self._mean


def center(products: Floats, mean: Floats) -> None:
    """Measure rows from the mean training row instead, in place.

    ``products`` are those of rows with all training rows, ``mean`` those of the
    mean training row with them.
    """
    products -= products.mean(axis=1)[:, None]
    products -= mean - mean.mean()


def move_to_black(products: Floats, left: Floats, right: Floats) -> None:
    """Turn products of pixels less 128 to those of pixels, in place.

    ``left`` and ``right`` are the sums of each row's pixels less 128.
    """
    products += ZERO * left[:, None]
    products += ZERO * right + ZERO**2 * ROW_LENGTH
