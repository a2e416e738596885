"""A trained kernel machine: support rows of the store, each with a coefficient."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.base import Scores
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.gram_reader import Gram
from dfhpc.models.inner import WeightedRows
from dfhpc.models.weighting import Weighting
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import Pixels, RowReader, Rows

KERNEL_NAME = "kernel.npz"

BLOCK_ROWS = 1024
"""Rows whose kernel values with all support rows are in memory at a time."""

Floats = NDArray[np.float64]


def turn_to_rbf(products: Floats, left: Floats, right: Floats, gamma: float) -> None:
    """Turn inner products to values of the rbf kernel, in place.

    ``left`` and ``right`` are the products of each row with itself.
    """
    for start in range(0, len(products), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        distances = products[part]
        distances *= -2
        distances += left[part, None]
        distances += right
        # Rounding may leave a hair below nothing between equal rows.
        np.maximum(distances, 0, out=distances)
        distances *= -gamma
        np.exp(distances, out=distances)


@dataclass(frozen=True)
class KernelModel:
    """A sum of rbf kernels around support rows, which are read from the store."""

    store_path: Path
    gram_name: str
    weighting: Weighting
    support: Rows
    dual: Floats
    diagonal: Floats
    """Product of each support row with itself."""
    intercept: float
    gamma: float

    @classmethod
    def of(
        cls, store_path: Path, gram_path: Path, rows: Rows, fit: Mapping[str, Any]
    ) -> "KernelModel":
        """Return the model with the fit's ``dual``, ``intercept`` and ``gamma``."""
        gram = Gram(gram_path)
        kept = np.flatnonzero(fit["dual"])
        return cls(
            store_path,
            gram_path.name,
            gram.weighting,
            rows[kept],
            fit["dual"][kept],
            gram.diagonal(rows[kept]),
            float(fit["intercept"]),
            float(fit["gamma"]),
        )

    def score(self, rows: Pixels) -> Scores:
        """Return the logistic function of the decision on (n, 307200).

        Streams all support rows from the store.
        """
        if not len(rows):
            return np.zeros(0)
        ready = WeightedRows(self.weighting, rows)
        own = ready.products(rows).diagonal().copy()
        decision = np.full(len(rows), self.intercept)
        reader = RowReader(self.store_path)
        for found, pixels in reader.iter_partitions(self.support):
            at = np.searchsorted(self.support, found)
            kernel = ready.products(pixels)
            turn_to_rbf(kernel, self.diagonal[at], own, self.gamma)
            decision += self.dual[at] @ kernel
        return _logistic(decision)

    def score_stored(self, run: RunDirectory, rows: Rows) -> Scores | None:
        """Return the scores of stored rows, from the Gram matrix if it is there."""
        folder = run.gram_path / self.gram_name
        if not (folder / "finished.json").exists():
            return None
        gram = Gram(folder)
        decision = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK_ROWS):
            part = rows[start : start + BLOCK_ROWS]
            kernel = gram.block(part, self.support)
            turn_to_rbf(kernel, gram.diagonal(part), self.diagonal, self.gamma)
            decision[start : start + BLOCK_ROWS] = kernel @ self.dual + self.intercept
        return _logistic(decision)

    def save(self, model_dir: Path) -> None:
        """Write to ``model_dir``, whole or not at all."""
        arrays = self.weighting.to_arrays() | {
            "support": self.support,
            "dual": self.dual,
            "diagonal": self.diagonal,
            "intercept": self.intercept,
            "gamma": self.gamma,
            "gram_name": self.gram_name,
        }
        save_arrays(model_dir / KERNEL_NAME, arrays)

    @classmethod
    def load(cls, model_dir: Path) -> "KernelModel":
        """Return what ``save`` wrote; the store lies two folders above."""
        arrays = load_arrays(model_dir / KERNEL_NAME)
        run = RunDirectory(model_dir.parent.parent)
        weighting = Weighting(*(arrays[k] for k in ("center", "weight", "exponent")))
        return cls(
            run.store_path,
            str(arrays["gram_name"]),
            weighting,
            arrays["support"],
            arrays["dual"],
            arrays["diagonal"],
            float(arrays["intercept"]),
            float(arrays["gamma"]),
        )


def _logistic(decision: Floats) -> Scores:
    from scipy.special import expit

    return np.asarray(expit(decision))
