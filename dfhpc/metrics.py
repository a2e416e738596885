"""Metrics of scores against labels, with intervals that respect groups."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5
"""A score above it is called fake, as ``predict`` of scikit-learn does."""

NUM_BOOTSTRAPS = 1000

MIN_GROUPS = 5
"""With fewer groups, resampling them says nothing of other people."""

Labels = NDArray[np.int8]
Scores = NDArray[np.float64]


def equal_error_rate(labels: Labels, scores: Scores) -> float:
    """Return the rate at which as many reals as fakes are called wrong.

    Where no threshold makes the two rates equal, they are interpolated.

    >>> equal_error_rate(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))
    0.5
    """
    from sklearn.metrics import roc_curve

    false_fake, true_fake, _ = roc_curve(labels, scores, drop_intermediate=False)
    missed = 1 - true_fake
    gap = missed - false_fake
    # The gap falls from 1 to -1; its first value at or below zero ends the crossing.
    after = int(np.argmax(gap <= 0))
    if after == 0 or gap[after] == 0:
        return float(false_fake[after])
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(
        false_fake[after - 1] + share * (false_fake[after] - false_fake[after - 1])
    )


def measure(labels: Labels, scores: Scores) -> dict[str, Any]:
    """Return all metrics; those that need both classes are None without.

    Confusion is [[real as real, real as fake], [fake as real, fake as fake]].
    """
    from sklearn import metrics

    called = (scores > THRESHOLD).astype(np.int8)
    both = len(np.unique(labels)) == 2
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    return {
        "num": len(labels),
        "num_real": int((labels == 0).sum()),
        "num_fake": int((labels == 1).sum()),
        "accuracy": float((called == labels).mean()) if len(labels) else None,
        "confusion": metrics.confusion_matrix(labels, called, labels=[0, 1]).tolist()
        if len(labels)
        else [[0, 0], [0, 0]],
        "roc_auc": float(metrics.roc_auc_score(labels, scores)) if both else None,
        "average_precision": float(metrics.average_precision_score(labels, scores))
        if both
        else None,
        "equal_error_rate": equal_error_rate(labels, scores) if both else None,
        "log_loss": float(metrics.log_loss(labels, clipped)) if both else None,
        "brier": float(((scores - labels) ** 2).mean()) if len(labels) else None,
    }


def class_report(labels: Labels, scores: Scores) -> dict[str, Any]:
    """Return precision, recall, F1 and support of each class, as scikit-learn does."""
    from sklearn.metrics import classification_report

    called = (scores > THRESHOLD).astype(np.int8)
    report: dict[str, Any] = classification_report(
        labels,
        called,
        labels=[1, 0],
        target_names=["fake", "real"],
        output_dict=True,
        zero_division=0.0,
    )
    return report


def bootstrap_intervals(
    labels: Labels, scores: Scores, groups: Sequence[str], seed: int
) -> dict[str, list[float] | None]:
    """Return 95 % intervals of accuracy and ROC AUC, by resampling whole groups.

    Frames and videos of one person are no independent samples; groups are. None
    with fewer than five groups, or where samples often lack a class.
    """
    measures: dict[str, Callable[[Labels, Scores], float]] = {
        "accuracy": _accuracy,
        "roc_auc": _roc_auc,
    }
    members = group_members(groups)
    if len(members) < MIN_GROUPS:
        return dict.fromkeys(measures)
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(NUM_BOOTSTRAPS):
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[index] for index in drawn])
        for name, function in measures.items():
            values[name].append(function(labels[rows], scores[rows]))
    return {name: _interval(found) for name, found in values.items()}


def bootstrap_mean(
    values: NDArray[np.float64], groups: Sequence[str], seed: int
) -> list[float] | None:
    """Return a 95 % interval of the mean, by resampling whole groups.

    None with fewer than five groups.

    >>> bootstrap_mean(np.array([0.5] * 5), list("abcde"), 0)
    [0.5, 0.5]
    """
    members = group_members(groups) if groups else []
    if len(members) < MIN_GROUPS:
        return None
    sums = np.array([values[own].sum() for own in members])
    counts = np.array([len(own) for own in members])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(members), (NUM_BOOTSTRAPS, len(members)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return [float(low), float(high)]


def group_members(groups: Sequence[str]) -> list[NDArray[np.int64]]:
    """Return the places of each group's members, groups in the order of their names."""
    _, inverse = np.unique(
        np.asarray(groups, dtype=object).astype(str), return_inverse=True
    )
    order = np.argsort(inverse, kind="stable")
    edges = np.flatnonzero(np.diff(inverse[order])) + 1
    return [part for part in np.split(order, edges) if len(part)]


def _accuracy(labels: Labels, scores: Scores) -> float:
    return float(((scores > THRESHOLD) == labels).mean())


def _roc_auc(labels: Labels, scores: Scores) -> float:
    """Return the ROC AUC by ranks, ties counted half; NaN without both classes."""
    from scipy.stats import rankdata

    fakes = int((labels == 1).sum())
    reals = len(labels) - fakes
    if not fakes or not reals:
        return math.nan
    rank_sum = rankdata(scores)[labels == 1].sum()
    return float((rank_sum - fakes * (fakes + 1) / 2) / (fakes * reals))


def _interval(values: list[float]) -> list[float] | None:
    known = np.array([value for value in values if not math.isnan(value)])
    if len(known) < NUM_BOOTSTRAPS / 2:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return [float(low), float(high)]
