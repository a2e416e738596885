"""What a number of videos can show at most: exact limits of shares."""

import numpy as np
from numpy.typing import NDArray

from dfhpc.probability_maps import GRID


def clopper_pearson(hits: int, count: int) -> list[float] | None:
    """Return the exact 95 % interval of a share; None without any cases.

    Clopper and Pearson 1934, "The use of confidence or fiducial limits".

    >>> [round(edge, 3) for edge in clopper_pearson(0, 10)]
    [0.0, 0.308]
    """
    from scipy.stats import beta

    if not count:
        return None
    low = float(beta.ppf(0.025, hits, count - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0
    return [low, high]


def as_far_as_counted(
    labels: NDArray[np.int8],
    scores: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return intervals at the points of GRID that claim no more than was counted.

    ``labels`` and ``scores`` are of the videos that a map was fitted on.

    Where the classes are apart, every sample gives nearly the same curve, as if ten
    videos proved that the next thousand will be apart too. So a probability is no
    surer to be high than by the least share of fakes, and the largest of reals (exact
    95 % limits), that may have scores as high as this; and likewise for low ones.
    """
    places = np.unique(scores)
    share = float((labels == 1).mean())
    least = np.array([_least(labels, scores >= at, share) for at in places])
    most = np.array([_most(labels, scores <= at, share) for at in places])
    # Of a score beyond all others no more is known than of the last.
    least = np.maximum.accumulate(np.append(0.0, least))
    most = np.minimum.accumulate(np.append(1.0, most[::-1]))[::-1]
    points = 1 / (1 + np.exp(-GRID))
    return (
        np.minimum(low, least[np.searchsorted(places, points, side="right")]),
        np.maximum(high, most[np.searchsorted(places, points, side="left")]),
    )


def _least(labels: NDArray[np.int8], chosen: NDArray[np.bool_], share: float) -> float:
    """Return the least share of fakes that the chosen videos leave possible."""
    (fake, _), (_, real) = _limits(labels, chosen)
    odds = share * fake, (1 - share) * real
    return odds[0] / sum(odds)


def _most(labels: NDArray[np.int8], chosen: NDArray[np.bool_], share: float) -> float:
    (_, fake), (real, _) = _limits(labels, chosen)
    odds = share * fake, (1 - share) * real
    return odds[0] / sum(odds)


def _limits(labels: NDArray[np.int8], chosen: NDArray[np.bool_]) -> list[list[float]]:
    """Return the exact limits of how many fakes, and how many reals, are chosen."""
    found = []
    for label in (1, 0):
        own = labels == label
        limits = clopper_pearson(int((own & chosen).sum()), int(own.sum()))
        found.append(limits or [0.0, 1.0])
    return found
