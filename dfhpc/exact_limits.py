"""What a number of videos can show at most: exact limits of shares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.probability_maps import GRID


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
    fakes, reals = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    # How many of each class score below each place, and how many no higher.
    below = [np.searchsorted(own, places, side="left") for own in (fakes, reals)]
    up_to = [np.searchsorted(own, places, side="right") for own in (fakes, reals)]
    fewest, _ = _limits(len(fakes) - below[0], len(fakes))
    _, as_high = _limits(len(reals) - below[1], len(reals))
    _, as_low = _limits(up_to[0], len(fakes))
    fewest_low, _ = _limits(up_to[1], len(reals))
    least = _share(share * fewest, (1 - share) * as_high)
    most = _share(share * as_low, (1 - share) * fewest_low)
    # Of a score beyond all others no more is known than of the last.
    least = np.maximum.accumulate(np.append(0.0, least))
    most = np.minimum.accumulate(np.append(1.0, most[::-1]))[::-1]
    points = 1 / (1 + np.exp(-GRID))
    return (
        np.minimum(low, least[np.searchsorted(places, points, side="right")]),
        np.maximum(high, most[np.searchsorted(places, points, side="left")]),
    )


def _share(fakes: NDArray[np.float64], reals: NDArray[np.float64]) -> Any:
    """Return the share of fakes where there are so many of both."""
    return fakes / (fakes + reals)


def _limits(
    hits: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact 95 % limits of shares, ``hits`` of ``count`` each."""
    from scipy.stats import beta

    low = np.where(hits > 0, beta.ppf(0.025, np.maximum(hits, 1), count - hits + 1), 0)
    rest = np.maximum(count - hits, 1)
    high = np.where(hits < count, beta.ppf(0.975, hits + 1, rest), 1)
    return low, high


def clopper_pearson(hits: int, count: int) -> list[float] | None:
    """Return the exact 95 % interval of a share; None without any cases.

    Clopper and Pearson 1934, "The use of confidence or fiducial limits".

    >>> [round(edge, 3) for edge in clopper_pearson(0, 10)]
    [0.0, 0.308]
    """
    if not count:
        return None
    low, high = _limits(np.array([hits]), count)
    return [float(low[0]), float(high[0])]
