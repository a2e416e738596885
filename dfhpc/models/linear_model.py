"""A trained linear model: 307,200 weights over raw pixels, and an intercept."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.base import Scores
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.store.reading import Pixels

WEIGHTS_NAME = "weights.npz"

SCORE_ROWS = 64
"""Rows widened to float64 at a time when scoring: 157 MB."""

Floats = NDArray[np.float64]


def dot(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return the inner product of two (n,), whatever the threads of BLAS.

    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return float((left * right).sum())


def logistic(decision: NDArray[np.float64]) -> Scores:
    """Return the logistic function, as a verdict needs it: SciPy takes long to import.

    >>> logistic(np.array([-800.0, 0.0, 800.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(decision))
    return np.asarray(np.where(decision >= 0, 1, small) / (1 + small))


@dataclass(frozen=True)
class LinearModel:
    """Weights over raw pixels; the scaling is folded in."""

    weights: Floats
    intercept: float

    def decide(self, rows: Pixels) -> Floats:
        """Return the signed distance of each row, positive towards fake."""
        parts = [
            rows[i : i + SCORE_ROWS].astype(np.float64) @ self.weights
            for i in range(0, len(rows), SCORE_ROWS)
        ]
        return np.concatenate([*parts, np.zeros(0)]) + self.intercept

    def score(self, rows: Pixels) -> Scores:
        """Return the logistic function of the decision."""
        return logistic(self.decide(rows))

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        save_arrays(path, {"weights": self.weights, "intercept": self.intercept})

    @classmethod
    def load(cls, path: Path) -> "LinearModel":
        """Return what ``save`` wrote."""
        arrays = load_arrays(path)
        return cls(arrays["weights"], float(arrays["intercept"]))
