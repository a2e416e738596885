"""Hiding parts of faces, to see what a model makes of the rest.

What is hidden takes the mean color of the whole face: that takes away both its detail
and how light or dark it is, and models of raw pixels go by the latter above all (gray
squares after Zeiler & Fergus 2014, "Visualizing and understanding convolutional
networks"). A model may know better what tells it nothing: a linear one measures from
the mean of its training rows, from which a mean color may be as far as the face is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE, ROW_LENGTH
from dfhpc.explanations import Cover, Region
from dfhpc.store.reading import Pixels

Floats = NDArray[np.float64]
Score = Callable[[Pixels], Floats]

FACE = (FACE_SIDE, FACE_SIDE, FACE_CHANNELS)

REGION_SIDE = 80
"""Of the region that is hidden to check an explanation: a sixteenth of the face."""

STEP = 8
"""Regions begin at multiples of it."""

ROWS_AT_ONCE = 128
"""Rows scored in one go: 39 MB. A kernel model reads its support rows each time."""

SMALLEST = 1e-4
"""Scores nearer to 0 or 1 than this count as if they were so near: what moves no digit
that is written moves nothing."""


@dataclass(frozen=True)
class Hiding:
    """A model's scores of one face with this or that region hidden."""

    score: Score
    row: Pixels
    """(307200,)"""
    neutral: Pixels | None = None
    """What takes the place of what is hidden, (307200,); None for the mean color."""

    @property
    def cover(self) -> Cover:
        """What takes the place of what is hidden."""
        return "mean_color" if self.neutral is None else "mean_face"

    def hide(self, regions: Sequence[Region]) -> Pixels:
        """Return a copy of the row for each region, that region hidden: (n, 307200)."""
        face = self.row.reshape(FACE)
        if self.neutral is None:
            color = np.rint(face.mean(axis=(0, 1))).astype(np.uint8)
            cover = np.broadcast_to(color, FACE)
        else:
            cover = self.neutral.reshape(FACE)
        copies = np.repeat(face[None], len(regions), axis=0)
        for copy, (x, y, width, height) in zip(copies, regions, strict=True):
            inside = np.s_[y : y + height, x : x + width]
            copy[inside] = cover[inside]
        return copies.reshape(len(regions), ROW_LENGTH)

    def scores(self, regions: Sequence[Region]) -> Floats:
        """Return the score with each of ``regions`` hidden, one at a time."""
        parts = [
            self.score(self.hide(regions[start : start + ROWS_AT_ONCE]))
            for start in range(0, len(regions), ROWS_AT_ONCE)
        ]
        return np.concatenate([np.zeros(0), *parts])


def log_odds(scores: Floats) -> Floats:
    """Return scores on a scale where a step near 0 or 1 counts as one at a half.

    >>> log_odds(np.array([0.5, 1.0])).round(1).tolist()
    [0.0, 9.2]
    """
    inside = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(inside / (1 - inside)))


def top_region(evidence: NDArray[np.floating]) -> Region:
    """Return the region with the largest sum of ``evidence``, (320, 320).

    >>> where = np.zeros((320, 320))
    >>> where[100:140, 200:240] = 1
    >>> top_region(where)
    (160, 64, 80, 80)
    """
    sums = np.zeros((FACE_SIDE + 1, FACE_SIDE + 1))
    sums[1:, 1:] = evidence.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    first = np.arange(0, FACE_SIDE - REGION_SIDE + 1, STEP)
    last = first + REGION_SIDE
    totals = (
        sums[np.ix_(last, last)]
        - sums[np.ix_(first, last)]
        - sums[np.ix_(last, first)]
        + sums[np.ix_(first, first)]
    )
    down, across = np.unravel_index(np.argmax(totals), totals.shape)
    return int(first[across]), int(first[down]), REGION_SIDE, REGION_SIDE


def other_regions(region: Region, count: int, seed: int = 0) -> list[Region]:
    """Return random regions of the same size that do not overlap ``region``."""
    x, y, width, height = region
    places = [
        (left, top, width, height)
        for top in range(0, FACE_SIDE - height + 1, STEP)
        for left in range(0, FACE_SIDE - width + 1, STEP)
        if abs(left - x) >= width or abs(top - y) >= height
    ]
    chosen = np.random.default_rng(seed).choice(len(places), count, replace=False)
    return [places[at] for at in chosen]
