"""What is left of a fit to features: plain arrays, and scores by them.

They have the same bytes whenever they are written, load without scikit-learn, and do
not depend on its version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.base import Scores
from dfhpc.models.forest import Forest
from dfhpc.models.kernel_model import BLOCK_ROWS, turn_to_rbf
from dfhpc.models.linear_model import logistic
from dfhpc.models.spectrum import Values

Floats = NDArray[np.float64]


class Scorer(Protocol):
    """What is left of a fit: from features to P(fake)."""

    def score(self, rows: Values) -> Scores:
        """Return P(fake) of each row of (n, columns)."""
        ...


@dataclass(frozen=True)
class LinearScorer:
    """Weights of the columns as they are; the scaling is folded in."""

    weights: Floats
    intercept: float

    def score(self, rows: Values) -> Scores:
        """Return the logistic function of the decision."""
        return logistic(rows.astype(np.float64) @ self.weights + self.intercept)


@dataclass(frozen=True)
class RbfScorer:
    """Rbf kernels around support rows, on scaled columns."""

    mean: Floats
    factor: Floats
    support: Floats
    """Scaled, (support rows, columns)."""
    dual: Floats
    intercept: float
    gamma: float

    def score(self, rows: Values) -> Scores:
        """Return the logistic function of the decision."""
        decision = np.full(len(rows), self.intercept)
        own = (self.support**2).sum(axis=1)
        for start in range(0, len(rows), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            scaled = (rows[part].astype(np.float64) - self.mean) * self.factor
            kernel = scaled @ self.support.T
            turn_to_rbf(kernel, (scaled**2).sum(axis=1), own, self.gamma)
            decision[part] += kernel @ self.dual
        return logistic(decision)


_FORMS: dict[str, type[Any]] = {
    "linear": LinearScorer,
    "rbf": RbfScorer,
    "forest": Forest,
}


def to_arrays(scorer: Scorer) -> dict[str, Any]:
    """Return a scorer as named arrays."""
    form = next(name for name, kind in _FORMS.items() if isinstance(scorer, kind))
    names = [field.name for field in fields(_FORMS[form])]
    return {"form": form, **{name: getattr(scorer, name) for name in names}}


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Scorer:
    """Return what ``to_arrays`` was given."""
    kind = _FORMS[str(arrays["form"])]
    found = {field.name: arrays[field.name] for field in fields(kind)}
    scorer: Scorer = kind(
        **{name: value if value.ndim else float(value) for name, value in found.items()}
    )
    return scorer
