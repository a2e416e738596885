"""Arithmetic on candidate boxes, as in MTCNN: arrays in, arrays out.

Candidates are rows of x1, y1, x2, y2, score, the corners in pixels of the frame.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Candidates = NDArray[np.float64]
"""(candidates, 5) or wider; see above."""

CHUNK = 256
"""So many candidates are compared with all before them at a time."""


def no_candidates() -> Candidates:
    """Return none."""
    return np.empty((0, 5))


def by_score(boxes: Candidates) -> Candidates:
    """Return the candidates, the best first."""
    return boxes[np.argsort(boxes[:, 4])[::-1]]


def suppress(
    boxes: Candidates, threshold: float, method: Literal["union", "min"]
) -> Candidates:
    """Return those that overlap no better one by more than ``threshold``.

    ``boxes`` are sorted, the best first. Unlike in the usual suppression, one that
    is itself suppressed still suppresses others: so does mtcnn 1.0.
    The overlap is over the union of both, or over the smaller.

    >>> suppress(np.array([[0, 0, 9, 9, 0.9], [0, 1, 9, 9, 0.8]]), 0.5, "union")
    array([[0. , 0. , 9. , 9. , 0.9]])
    """
    x1, y1, x2, y2 = np.ascontiguousarray(boxes[:, :4].T)
    areas = (x2 - x1) * (y2 - y1)
    keep = np.ones(len(boxes), bool)
    for first in range(0, len(boxes), CHUNK):
        last = min(first + CHUNK, len(boxes))
        some, rest = (slice(first, last), None), slice(0, last)
        shared = _shared(x1[some], x2[some], x1[rest], x2[rest])
        shared *= _shared(y1[some], y2[some], y1[rest], y2[rest])
        if method == "min":
            whole = np.minimum(areas[some], areas[rest])
        else:
            whole = areas[some] + areas[rest] - shared
        # Only with better ones, which come before.
        is_better = np.arange(last) < np.arange(first, last)[:, None]
        is_like = (shared > 0) & (shared > threshold * whole)
        keep[first:last] = ~np.any(is_like & is_better, axis=1)
    return boxes[keep]


def _shared(
    low: Candidates, high: Candidates, others_low: Candidates, others_high: Candidates
) -> NDArray[np.float64]:
    """Return how long both lie over each other, along one axis; 0 where they do not."""
    length = np.minimum(high, others_high)
    length -= np.maximum(low, others_low)
    return np.maximum(length, 0, out=length)


def squared(boxes: Candidates) -> Candidates:
    """Return squares on the same centers, as long as the longer side.

    >>> squared(np.array([[0.0, 2, 4, 4, 0.5]]))[0, :4].tolist()
    [0.0, 1.0, 4.0, 5.0]
    """
    found = boxes.copy()
    sides = boxes[:, 2:4] - boxes[:, :2]
    longest = sides.max(axis=1, keepdims=True)
    found[:, :2] += sides / 2 - longest / 2
    found[:, 2:4] = found[:, :2] + longest
    return found


def regressed(boxes: Candidates, offsets: NDArray[np.float32]) -> Candidates:
    """Return boxes moved by ``offsets``, (candidates, 4) in sides of each box."""
    found = boxes.copy()
    sides = boxes[:, 2:4] - boxes[:, :2] + 1
    found[:, :4] += offsets * np.tile(sides, 2)
    return found
