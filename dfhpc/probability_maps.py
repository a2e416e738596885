"""From a video's score to the probability that it is fake: the maps and their fits.

All of them work on the logit of the score, and none ever ranks two videos otherwise
than their scores do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MapKind = Literal["platt", "isotonic", "none"]

EDGE = 1e-6
"""Scores nearer to 0 or 1 than this are taken as this: a logit must be finite."""

GRID = np.linspace(-14.0, 14.0, 113)
"""Logits at which the intervals are stored; those of EDGE are -13.8 and 13.8."""

_MOST_STEPS = 100
_SMALLEST_STEP = 1e-10

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]


def logit(scores: Floats) -> Floats:
    """Return the logit of scores in [0, 1], finite at their ends.

    >>> logit(np.array([0.5])).tolist()
    [0.0]
    """
    clipped = np.clip(scores, EDGE, 1 - EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _logistic(values: Floats) -> Floats:
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, small) / (1 + small))


@dataclass(frozen=True)
class ProbabilityMap:
    """A map, with 95 % intervals where it was fitted."""

    kind: MapKind
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """``slope`` and ``intercept`` of platt; ``logit`` and ``probability`` of the steps
    of isotonic; ``why`` of none. Beside them ``interval``."""

    @property
    def is_calibrated(self) -> bool:
        """Whether what it gives are probabilities."""
        return self.kind != "none"

    def apply(self, scores: Floats) -> Floats:
        """Return P(fake) of each score; without a calibration, the score itself."""
        known = self.parameters
        if self.kind == "platt":
            return _logistic(known["slope"] * logit(scores) + known["intercept"])
        if self.kind == "isotonic":
            steps = known["logit"], known["probability"]
            return np.asarray(np.interp(logit(scores), *steps), np.float64)
        return np.asarray(scores, np.float64)

    def probability(self, score: float) -> dict[str, Any] | None:
        """Return the probability of a score and its interval; None if not calibrated.

        >>> ProbabilityMap("none", {"why": "No data."}).probability(0.7)
        """
        if not self.is_calibrated:
            return None
        value = float(self.apply(np.array([score]))[0])
        where, interval = logit(np.array([score])), self.parameters["interval"]
        low = float(np.interp(where, GRID, interval["low"])[0])
        high = float(np.interp(where, GRID, interval["high"])[0])
        # Between points of the grid the interval is a straight line.
        return {"value": value, "interval_95": [min(low, value), max(high, value)]}

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"kind": self.kind, **self.parameters}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ProbabilityMap":
        """Return the map that ``to_json`` wrote."""
        parameters = {key: entry for key, entry in value.items() if key != "kind"}
        return cls(value["kind"], parameters)


def fit_platt(labels: Labels, scores: Floats) -> ProbabilityMap:
    """Return a logistic function of the logit of the score, that never falls.

    Platt 2000, "Probabilities for SV machines": each class is aimed at a little less
    than certainty, as if it had one more video of the other class. By Newton's method
    as in Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs for support
    vector machines". A slope below nothing becomes nothing: then the scores say
    nothing, and the probability is the share of fakes.
    """
    fakes = int(labels.sum())
    reals = len(labels) - fakes
    aims = np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))
    values = logit(scores)
    slope, intercept = 0.0, float(np.log((fakes + 1) / (reals + 1)))
    if np.ptp(values) > 1e-9:
        slope, intercept = _newton(values, aims, intercept)
    if slope <= 0:
        share = float(aims.mean())
        slope, intercept = 0.0, float(np.log(share / (1 - share)))
    return ProbabilityMap("platt", {"slope": slope, "intercept": intercept})


def _newton(values: Floats, aims: Floats, intercept: float) -> tuple[float, float]:
    """Return slope and intercept of the least cross-entropy, with halved steps."""
    design = np.stack([values, np.ones_like(values)])
    found = np.array([0.0, intercept])
    loss = _loss(found @ design, aims)
    for _ in range(_MOST_STEPS):
        shares = _logistic(found @ design)
        gradient = design @ (shares - aims)
        if np.abs(gradient).max() < 1e-8:
            break
        curvature = (design * (shares * (1 - shares))) @ design.T
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while (new := _loss((found - size * step) @ design, aims)) > loss:
            size /= 2
            if size < _SMALLEST_STEP:
                return float(found[0]), float(found[1])
        found, loss = found - size * step, new
    return float(found[0]), float(found[1])


def _loss(decision: Floats, aims: Floats) -> float:
    return float((np.logaddexp(0, decision) - aims * decision).sum())


def fit_isotonic(labels: Labels, scores: Floats) -> ProbabilityMap:
    """Return the best map of any rising shape, kept off 0 and 1 as Platt's is."""
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (len(labels) + 2)
    fit = IsotonicRegression(y_min=edge, y_max=1 - edge)
    fit.fit(logit(scores), labels.astype(np.float64))
    steps = {"logit": fit.X_thresholds_, "probability": fit.y_thresholds_}
    return ProbabilityMap("isotonic", {k: v.tolist() for k, v in steps.items()})
