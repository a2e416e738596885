"""Which settings of dfhpc meet which rival: the one place to name a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import rivals

Rival = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Contender:
    """A model of dfhpc, and what it is measured against."""

    trained_as: str
    """Its name in the run directory."""
    settings: dict[str, Any]
    """Dotted keys of a recipe, `train.models` aside."""
    rival: Rival | None = None
    parameter: float | int | None = None
    """What the rival takes beside the run directory."""
    also: tuple[str, ...] = ()
    """More models that are trained in the same run."""


_SVMS = {
    "train.named.svm_c1": {"kind": "svm", "C": 1.0, "balanced": False},
    "train.named.svm_c001": {"kind": "svm", "C": 0.01, "balanced": False},
}

_LOGISTIC = {
    "train.named.logistic_c1": {
        "kind": "logistic_regression",
        "C": 1.0,
        "standardize": False,
        "balanced": False,
        # As liblinear has it, which the published work used.
        "penalize_intercept": True,
    }
}


def _on_features(features: str) -> Contender:
    settings = {"kind": "svm", "features": features, "balanced": False}
    return Contender(f"svm_{features}", {f"train.named.svm_{features}": settings})


CONTENDERS = {
    "svm": Contender("svm_c1", _SVMS, rivals.svm, 1.0),
    "svm_c001": Contender("svm_c001", _SVMS, rivals.svm, 0.01),
    # Both of the published work's machines, from one Gram matrix.
    "svm_both": Contender("svm_c1", _SVMS, also=("svm_c001",)),
    "logistic_regression": Contender(
        "logistic_c1",
        _LOGISTIC,
        rivals.logistic_regression,
        1e-4,
    ),
    # With its own tolerance, liblinear stops before its calls are those of the optimum.
    "logistic_regression_converged": Contender(
        "logistic_c1", _LOGISTIC, rivals.logistic_regression, 1e-10
    ),
    "random_forest": Contender(
        "random_forest",
        {"train.random_forest": {"num_trees": 100, "balanced": False}},
        rivals.random_forest,
        100,
    ),
    "sgd": Contender("sgd", {"train.sgd": {"balanced": False}}),
    # Without a rival: scikit-learn fits these itself, and what is new is their cost.
    "svm_spectrum": _on_features("spectrum"),
    "svm_residual": _on_features("residual"),
}
