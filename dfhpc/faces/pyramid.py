"""The sizes at which P-Net looks at a frame, and what each small pixel covers."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SCALE_FACTOR = 0.709
"""Of each level to the one before (Zhang et al. 2016: the root of one half)."""

CELL = 12
"""Side in pixels of what P-Net sees at a time: a face of that size in a level."""


@dataclass(frozen=True)
class Axis:
    """Which pixels of the frame a small pixel covers, along one axis, and how much."""

    first: NDArray[np.int64]
    count: NDArray[np.int64]
    weights: NDArray[np.float32]
    """(small pixels, most pixels covered); each row sums to 1."""


@dataclass(frozen=True)
class Level:
    """A frame made smaller."""

    scale: float
    rows: Axis
    columns: Axis

    @property
    def height(self) -> int:
        """Rows of the level."""
        return len(self.rows.first)

    @property
    def width(self) -> int:
        """Columns of the level."""
        return len(self.columns.first)


BASE_FACE = 20
"""Side in pixels of a face that fills a cell of the first level, in mtcnn 1.0."""


def scales(height: int, width: int, min_face_size: int) -> list[float]:
    """Return the scales at which faces from ``min_face_size`` pixels on are found.

    Levels are those for faces from 20 pixels on, without the ones that only smaller
    faces need: so a face looks the same whatever is left out. mtcnn 1.0 counts its
    levels as if the first were the frame itself, and so makes ones too small for
    P-Net when faces are to be large.

    >>> [round(scale, 3) for scale in scales(40, 60, 20)]
    [0.6, 0.425, 0.302]
    >>> [round(scale, 3) for scale in scales(40, 60, 29)]
    [0.425, 0.302]
    """
    found = []
    scale = CELL / BASE_FACE
    while scale * SCALE_FACTOR * min_face_size >= CELL:
        scale *= SCALE_FACTOR
    while int(min(height, width) * scale) >= CELL:
        found.append(scale)
        scale *= SCALE_FACTOR
    return found


@lru_cache(maxsize=8)
def pyramid(height: int, width: int, min_face_size: int) -> tuple[Level, ...]:
    """Return the levels of frames of one size, the largest first."""
    return tuple(
        Level(
            scale,
            area_axis(height, int(height * scale)),
            area_axis(width, int(width * scale)),
        )
        for scale in scales(height, width, min_face_size)
    )


def area_axis(length: int, small: int) -> Axis:
    """Return the pixels that each of ``small`` pixels covers, of ``length``.

    >>> area_axis(4, 2).weights.tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    ratio = length / small
    starts = np.arange(small) * ratio
    stops = np.minimum(starts + ratio, length)
    first = np.floor(starts).astype(np.int64)
    count = np.ceil(stops).astype(np.int64) - first
    covered = first[:, None] + np.arange(max(count.max(), math.ceil(ratio)))
    low = np.maximum(covered, starts[:, None])
    high = np.minimum(covered + 1, stops[:, None])
    weights = np.maximum(high - low, 0) / (stops - starts)[:, None]
    return Axis(first, count, np.ascontiguousarray(weights, np.float32))
