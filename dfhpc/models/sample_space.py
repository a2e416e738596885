"""Linear models found among the rows: solvers that see inner products alone.

The weights of any linear model with a quadratic penalty are a sum of the rows, each
times its dual coefficient, so n numbers are sought and not 307,200. ``products`` is
float64 (n, n), symmetric, and never overwritten.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import ModelError

Floats = NDArray[np.float64]

FARTHEST = 2.0**40
"""A step so long means that nothing holds the margins back, not even the penalty."""


@dataclass(frozen=True)
class DualFit:
    """Decisions are ``products @ dual + intercept``."""

    dual: Floats
    intercept: float
    iterations: int
    residual: float
    """How far the dual coefficients are from the optimum, relative to the largest."""


def fit_ridge(
    products: Floats, targets: Floats, weights: Floats, *, alpha: float
) -> DualFit:
    """Minimize ``sum(weights * (targets - decision)**2) + alpha * |w|**2``.

    The intercept is free. With targets of -1 and 1 this is scikit-learn's
    RidgeClassifier.
    """
    root = np.sqrt(weights / alpha)
    dual, intercept = _solve(products, root, root * targets, free_intercept=True)
    decisions = products @ dual + intercept
    residual = _relative(dual, weights / alpha * (targets - decisions))
    return DualFit(dual, intercept, 1, residual)


def fit_logistic(
    products: Floats,
    signs: Floats,
    costs: Floats,
    *,
    tolerance: float,
    max_iterations: int,
    free_intercept: bool = True,
) -> DualFit:
    """Minimize ``sum(costs * log(1 + exp(-signs * decision))) + |w|**2 / 2``.

    Newton's method; a step is one Cholesky factor, and an exact line search, which
    goes far beyond the step where margins are still small. At the optimum a dual
    coefficient is ``signs * costs * P(wrong)``; the fit has converged when none is
    off by more than ``tolerance`` times the largest.

    Raises
    ------
    ModelError
        When ``max_iterations`` are not enough.
    """
    dual, intercept, linear = np.zeros(len(signs)), 0.0, np.zeros(len(signs))
    residual = np.inf
    for iteration in range(1, max_iterations + 1):
        root, target = _local_model(linear, intercept, signs, costs)
        goal, goal_intercept = _solve(
            products, root, target, free_intercept=free_intercept
        )
        step, shift = goal - dual, goal_intercept - intercept
        change = products @ step
        length = _LineSearch(
            signs * (linear + intercept),
            signs * (change + shift),
            float(dual @ change),
            float(step @ change),
        ).best(costs)
        dual = dual + length * step
        intercept += length * shift
        linear = linear + length * change
        residual = _relative(dual, _pull(linear + intercept, signs, costs))
        if residual <= tolerance:
            return DualFit(dual, intercept, iteration, residual)
    raise ModelError(
        f"Logistic regression has not converged in {max_iterations} steps (residual "
        f"{residual:.1e}, tolerance {tolerance:.1e}); lower C or raise the tolerance."
    )


def _relative(found: Floats, expected: Floats) -> float:
    scale = max(float(np.abs(expected).max()), np.finfo(float).tiny)
    return float(np.abs(found - expected).max()) / scale


def _pull(decisions: Floats, signs: Floats, costs: Floats) -> Floats:
    """Return the dual coefficients that belong to ``decisions``."""
    from scipy.special import expit

    return np.asarray(signs * costs * expit(-signs * decisions))


def _local_model(
    linear: Floats, intercept: float, signs: Floats, costs: Floats
) -> tuple[Floats, Floats]:
    """Return the quadratic model of the loss: root of its curvature, scaled target.

    The target is ``root * (linear + intercept) + pull / root``, written so that
    nothing overflows where the curvature vanishes.
    """
    from scipy.special import expit

    margins = signs * (linear + intercept)
    right, wrong = expit(margins), expit(-margins)
    root = np.sqrt(costs * right * wrong)
    pull = signs * np.sqrt(costs) * np.sqrt(wrong / np.maximum(right, 1e-300))
    return root, root * (linear + intercept) + pull


def _solve(
    products: Floats, root: Floats, target: Floats, *, free_intercept: bool
) -> tuple[Floats, float]:
    """Minimize ``|root * decision - target|**2 + |w|**2``; return dual, intercept."""
    from scipy.linalg import lapack

    system = products * root[:, None]
    system *= root
    system[np.diag_indices_from(system)] += 1
    # Its transpose is the same matrix in the order that LAPACK overwrites in place.
    factor, info = lapack.dpotrf(system.T, lower=1, overwrite_a=1, clean=0)
    if info != 0:
        raise ModelError("The Gram matrix is not positive; its store is damaged.")
    dual = root * lapack.dpotrs(factor, target, lower=1)[0]
    if not free_intercept:
        return dual, 0.0
    ones = root * lapack.dpotrs(factor, root, lower=1)[0]
    intercept = float(dual.sum() / ones.sum())
    return dual - intercept * ones, intercept


@dataclass(frozen=True)
class _LineSearch:
    """The objective along a step: margins, their change, and the penalty's slopes."""

    margins: Floats
    change: Floats
    penalty_slope: float
    penalty_curvature: float

    def best(self, costs: Floats) -> float:
        """Return the step length that minimizes the objective."""
        from scipy.optimize import brentq

        if self._slope(0.0, costs) >= 0:
            return 1.0
        far = 1.0
        while self._slope(far, costs) < 0 and far < FARTHEST:
            far *= 2
        if far >= FARTHEST:
            return far
        return float(brentq(self._slope, 0.0, far, args=(costs,), rtol=1e-4))

    def _slope(self, length: float, costs: Floats) -> float:
        from scipy.special import expit

        wrong = expit(-(self.margins + length * self.change))
        loss = -float(np.sum(costs * self.change * wrong))
        return loss + self.penalty_slope + length * self.penalty_curvature
