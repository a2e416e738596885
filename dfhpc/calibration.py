"""Calibration: probabilities and a threshold, from the calibration videos alone.

``fit`` is given nothing else, so that no test video can have a part in it; ``report``
measures what was fitted, on any videos, and changes nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.exact_limits import as_far_as_counted, clopper_pearson
from dfhpc.metrics import MIN_GROUPS, group_members
from dfhpc.probability_maps import (
    GRID,
    ProbabilityMap,
    fit_isotonic,
    fit_platt,
)

MIN_VIDEOS = 10
"""Of each class. One new real video in ten is expected above the highest of nine, so
that fewer cannot show that a rate of 0.1 is met."""

ISOTONIC_VIDEOS = 500
"""Of each class. Niculescu-Mizil and Caruana 2005, "Predicting good probabilities with
supervised learning", find isotonic regression no worse than Platt's function from some
thousand cases on, and worse where there are fewer."""

NUM_BOOTSTRAPS = 200

NUM_BINS = 10

PLAIN_THRESHOLD = 0.5
PLAIN_BAND = (0.35, 0.65)
"""Of scores that nothing is known of: what a calibration would have shown may well be
that 0.6 means real."""

HALF_BAND = 0.05
"""A value nearer to the threshold than this decides nothing, however good a model."""


@dataclass(frozen=True)
class VideoScores:
    """Videos with a score each."""

    labels: NDArray[np.int8]
    """0 real, 1 fake."""
    scores: NDArray[np.float64]
    groups: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Return how many videos there are, by class, and how many groups."""
        fakes = int((self.labels == 1).sum())
        return {
            "videos": len(self.labels),
            "real": len(self.labels) - fakes,
            "fake": fakes,
            "groups": len(set(self.groups)),
        }

    def drawn(self, videos: NDArray[np.int64]) -> "VideoScores":
        """Return some of the videos, each as often as it is named."""
        groups = tuple(self.groups[int(at)] for at in videos)
        return VideoScores(self.labels[videos], self.scores[videos], groups)


NO_VIDEOS = VideoScores(np.zeros(0, np.int8), np.zeros(0), ())


@dataclass(frozen=True)
class Calibration:
    """What was fitted; values are probabilities, or scores where there are none."""

    map: ProbabilityMap
    fitted_on: Mapping[str, int]
    threshold: float
    """Of the real videos it was chosen by, few enough have a higher value."""
    band: tuple[float, float]
    """A video is called fake above it, and real below it."""
    false_positive_rate: float
    """The rate that was asked for."""


def fit(videos: VideoScores, false_positive_rate: float, seed: int) -> Calibration:
    """Return map and threshold for the scores of a model."""
    known, band = _fit_map(videos, seed), PLAIN_BAND
    threshold = PLAIN_THRESHOLD
    if known.is_calibrated:
        values = known.apply(videos.scores)
        threshold, band = choose_threshold(videos.labels, values, false_positive_rate)
    elif known.parameters.get("is_useless"):
        band = (0.0, 1.0)
    return Calibration(known, videos.counts(), threshold, band, false_positive_rate)


def uncalibrated(why: str, false_positive_rate: float) -> Calibration:
    """Return that there is no calibration, and the sentence on why."""
    return Calibration(
        ProbabilityMap("none", {"why": why}),
        NO_VIDEOS.counts(),
        PLAIN_THRESHOLD,
        PLAIN_BAND,
        false_positive_rate,
    )


def _fit_map(videos: VideoScores, seed: int) -> ProbabilityMap:
    counts = videos.counts()
    fewest = min(counts["real"], counts["fake"])
    if fewest < MIN_VIDEOS or counts["groups"] < MIN_GROUPS:
        why = (
            f"The calibration part has {counts['real']} real and {counts['fake']} fake "
            f"videos with a face (groups: {counts['groups']}); probabilities need "
            f"{MIN_VIDEOS} of each in {MIN_GROUPS} groups."
        )
        return ProbabilityMap("none", {"why": why})
    fit_one = fit_isotonic if fewest >= ISOTONIC_VIDEOS else fit_platt
    found = fit_one(videos.labels, videos.scores)
    if np.ptp(found.apply(videos.scores)) < 1e-6:
        why = (
            "The model scores the real videos of the calibration part no lower than "
            "the fake ones, so its scores say nothing."
        )
        return ProbabilityMap("none", {"why": why, "is_useless": True})
    low, high = as_far_as_counted(
        videos.labels, videos.scores, *_interval(fit_one, videos, seed)
    )
    interval = {"low": low.tolist(), "high": high.tolist()}
    return ProbabilityMap(found.kind, {**found.parameters, "interval": interval})


def _interval(
    fit_one: Any, videos: VideoScores, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return 95 % intervals at the points of GRID, by resampling whole groups.

    Where most samples lack a class, as when one group holds all reals, nothing is
    known: from 0 to 1.
    """
    members = group_members(videos.groups)
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-GRID))
    curves = []
    for _ in range(NUM_BOOTSTRAPS):
        drawn = rng.integers(0, len(members), len(members))
        sample = videos.drawn(np.concatenate([members[index] for index in drawn]))
        if len(np.unique(sample.labels)) == 2:
            curves.append(fit_one(sample.labels, sample.scores).apply(scores))
    if len(curves) < NUM_BOOTSTRAPS / 2:
        return np.zeros(len(GRID)), np.ones(len(GRID))
    low, high = np.percentile(np.stack(curves), [2.5, 97.5], axis=0)
    return low, high


def choose_threshold(
    labels: NDArray[np.int8], values: NDArray[np.float64], rate: float
) -> tuple[float, tuple[float, float]]:
    """Return the threshold for a rate of false alarms, and the band of no decision.

    As in split conformal prediction (Vovk, Gammerman and Shafer 2005, "Algorithmic
    learning in a random world"): above the band lie few enough of the real videos, and
    below it of the fakes. Where the classes are farther apart than that asks for, the
    threshold is between them.

    >>> labels = np.repeat(np.array([0, 1], np.int8), 10)
    >>> values = np.append(np.linspace(0, 0.2, 10), np.linspace(0.6, 1, 10))
    >>> threshold, band = choose_threshold(labels, values, 0.1)
    >>> round(threshold, 2), [round(edge, 2) for edge in band]
    (0.4, [0.35, 0.45])
    """
    high = _quantile(values[labels == 0], rate)
    low = 1 - _quantile(1 - values[labels == 1], rate)
    if low > high:
        low = high = (low + high) / 2
    band = min(low, high - HALF_BAND), max(high, low + HALF_BAND)
    return high, (max(0.0, band[0]), min(1.0, band[1]))


def _quantile(values: NDArray[np.float64], rate: float) -> float:
    """Return the value that a new one exceeds at ``rate``, or the largest there is."""
    count = len(values)
    rank = min(count, math.ceil((count + 1) * (1 - rate) - 1e-9))
    return float(np.sort(values)[rank - 1])


def report(calibration: Calibration, videos: VideoScores) -> dict[str, Any]:
    """Return the rates at the threshold, and how good the probabilities are."""
    values = calibration.map.apply(videos.scores)
    return {
        "rates": measured_rates(videos.labels, values, calibration.band),
        "quality": reliability(videos.labels, values),
    }


def measured_rates(
    labels: NDArray[np.int8], values: NDArray[np.float64], band: tuple[float, float]
) -> dict[str, Any]:
    """Return which share of reals and of fakes is called fake, and which real.

    ``fpr`` and ``tpr`` are called fake, with 95 % intervals over videos, ``tnr`` and
    ``fnr`` real; of the rest, in the band, nothing is said.
    """
    found: dict[str, Any] = {}
    for label, fake, real in ((0, "fpr", "tnr"), (1, "tpr", "fnr")):
        own = values[labels == label]
        above, count = int((own > band[1]).sum()), len(own)
        found[fake] = above / count if count else None
        found[f"{fake}_95"] = clopper_pearson(above, count)
        found[real] = int((own < band[0]).sum()) / count if count else None
    return found | {
        "real": int((labels == 0).sum()),
        "fake": int((labels == 1).sum()),
    }


def reliability(
    labels: NDArray[np.int8], values: NDArray[np.float64]
) -> dict[str, Any] | None:
    """Return Brier score, expected calibration error and bins; None without videos.

    The error is the mean distance of a bin's probability from its share of fakes, over
    ten bins of equal width, weighted by videos; empty bins are left out.
    """
    if not len(labels):
        return None
    numbers = np.minimum((values * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    bins = [
        {
            "low": number / NUM_BINS,
            "high": (number + 1) / NUM_BINS,
            "mean_probability": float(values[numbers == number].mean()),
            "share_fake": float(labels[numbers == number].mean()),
            "videos": int((numbers == number).sum()),
        }
        for number in np.unique(numbers).tolist()
    ]
    misses = [
        each["videos"] * abs(each["mean_probability"] - each["share_fake"])
        for each in bins
    ]
    return {
        "brier": float(((values - labels) ** 2).mean()),
        "ece": sum(misses) / len(labels),
        "bins": bins,
        "videos": len(labels),
    }


def to_json(
    calibration: Calibration, own: VideoScores, test: VideoScores | None
) -> dict[str, Any]:
    """Return the entry of a model in ``evaluation.json``; ``own`` it was fitted on."""
    on_own = report(calibration, own)
    on_test = None if test is None else report(calibration, test)
    return {
        "map": calibration.map.to_json(),
        "fitted_on": dict(calibration.fitted_on),
        "threshold": {
            "value": calibration.threshold,
            "band": list(calibration.band),
            "false_positive_rate_asked": calibration.false_positive_rate,
            "calibration": on_own["rates"],
            "test": on_test and on_test["rates"],
        },
        "calibration": on_own["quality"],
        "test": on_test and on_test["quality"],
    }
