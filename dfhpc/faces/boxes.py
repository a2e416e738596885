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
    keep = np.ones(len(boxes), bool)
    for first in range(0, len(boxes), CHUNK):
        last = min(first + CHUNK, len(boxes))
        overlap = _overlaps(boxes[first:last, :4], boxes[:last, :4], method)
        # Only with better ones, which come before.
        better = np.arange(last) < np.arange(first, last)[:, None]
        keep[first:last] = ~np.any((overlap > threshold) & better, axis=1)
    return boxes[keep]


def _overlaps(
    some: Candidates, all_: Candidates, method: Literal["union", "min"]
) -> NDArray[np.float64]:
    low = np.maximum(some[:, None, :2], all_[None, :, :2])
    high = np.minimum(some[:, None, 2:], all_[None, :, 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    area_some = np.prod(some[:, 2:] - some[:, :2], axis=1)[:, None]
    area_all = np.prod(all_[:, 2:] - all_[:, :2], axis=1)[None]
    if method == "min":
        whole = np.minimum(area_some, area_all)
    else:
        whole = area_some + area_all - shared
    # Boxes turned inside out by a regression have no area to speak of.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(shared / whole)


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
