"""Kernel matrices made of a Gram matrix: what solvers solve on."""

from dataclasses import dataclass
from functools import cached_property
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


@dataclass(frozen=True)
class Kernel:
    """The kernel of some training rows, by way of a Gram matrix that holds them."""

    gram: Gram
    rows: Rows
    origin: Origin
    gamma: float = 0.0
    """Of the rbf kernel."""
    with_ones: bool = False
    """Whether rows have one more column, of ones, for an intercept to be penalized."""

    def square(self) -> Floats:
        """Return the kernel of the training rows with each other: (n, n)."""
        products = self.gram.square(self.rows)
        if self.origin == "rbf":
            diagonal = products.diagonal().copy()
            turn_to_rbf(products, diagonal, diagonal, self.gamma)
        elif self.origin == "mean":
            center(products, products.mean(axis=0))
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
            center(products, self._mean)
        else:
            move_to_black(products, self.gram.sums(rows), self.gram.sums(self.rows))
        if self.with_ones:
            products += 1
        return products

    @cached_property
    def _mean(self) -> Floats:
        """The product of each training row with the mean training row."""
        return np.asarray(self.gram.square(self.rows).mean(axis=0))


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
