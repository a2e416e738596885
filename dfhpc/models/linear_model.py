"""A trained linear model: 307,200 weights over raw pixels, and an intercept."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE
from dfhpc.explanations import Method
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
    center: NDArray[np.floating] | None = None
    """The mean of the training rows, that explanations measure from; None in files
    written before it was kept, which measure from black."""

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

    explained_by: ClassVar[Method] = "weights"

    @property
    def neutral(self) -> Pixels | None:
        """The row that tells nothing: the mean of the training rows, rounded."""
        if self.center is None:
            return None
        return np.asarray(np.rint(self.center), np.uint8)

    def explain(self, row: Pixels) -> NDArray[np.float32]:
        """Return what each place of a row adds to its decision, (320, 320).

        Positive towards fake; the three colors are added up. All places together
        make the decision on the row less that on the mean of the training rows, so
        that it is the same for standardized columns and for raw ones.
        """
        parts = row.astype(np.float64)
        if self.center is not None:
            parts -= self.center
        parts *= self.weights
        places = parts.reshape(FACE_SIDE, FACE_SIDE, FACE_CHANNELS)
        return np.asarray(places.sum(axis=2), np.float32)

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        arrays = {"weights": self.weights, "intercept": self.intercept}
        if self.center is not None:
            arrays["center"] = self.center.astype(np.float32)
        save_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "LinearModel":
        """Return what ``save`` wrote."""
        arrays = load_arrays(path)
        center = arrays.get("center")
        return cls(arrays["weights"], float(arrays["intercept"]), center)
