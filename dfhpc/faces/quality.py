"""How good a picture of a face is: its size, its sharpness, its brightness."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_SIDE
from dfhpc.faces.crop import Box

BLUR_SIDE = 80
"""Side in pixels of the reduced face that sharpness is measured on.

Measured on the stored 320 pixels, the size decides: a sharp face scaled from 320 to 80
pixels falls from 22 to 5, for what it is enlarged by is smooth, and what is blurred
more than a little is all rounding. On 80 pixels the same two are 338 and 277, and a
blur by 1, 2, 4 and 8 % of the face's width makes 99, 24, 3 and 0.4 of the first.
"""

GRAY_WEIGHTS = (299, 587, 114)
"""Thousandths of red, green and blue in gray (ITU-R BT.601)."""


@dataclass(frozen=True)
class FaceQuality:
    """What is noted of a face beside its confidence."""

    size_px: int
    """Shorter side of its box in the frame."""
    blur: float
    """Variance of the Laplacian: some 300 in sharp faces, below 20 in blurred ones.

    After Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy: a
    comparative study", ICPR 15; on the gray face, reduced to 80 x 80 pixels so that
    faces of all sizes compare. It grows with contrast, so that dark faces have little
    too, and with noise.
    """
    brightness: float
    """Mean of the gray face, 0 to 255."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def face_quality(face: NDArray[np.uint8], box: Box) -> FaceQuality:
    """Return the quality of a stored face, (320, 320, 3), cut from ``box``."""
    gray = face.astype(np.int64) @ np.array(GRAY_WEIGHTS)
    return FaceQuality(
        size_px=min(box[2:]),
        blur=_laplacian_variance(_reduced(gray)),
        brightness=float(gray.sum() / (1000 * gray.size)),
    )


def _reduced(gray: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sums over squares, (80, 80): integers, so that no order of adding shows.

    >>> int(_reduced(np.ones((320, 320), np.int64))[0, 0])
    16
    """
    factor = FACE_SIDE // BLUR_SIDE
    squares = gray.reshape(BLUR_SIDE, factor, BLUR_SIDE, factor)
    return np.asarray(squares.sum(axis=(1, 3)))


def _laplacian_variance(sums: NDArray[np.int64]) -> float:
    """Return the variance of the Laplacian of gray values, inside the edge."""
    inner = sums[1:-1, 1:-1]
    around = sums[:-2, 1:-1] + sums[2:, 1:-1] + sums[1:-1, :-2] + sums[1:-1, 2:]
    steps = around - 4 * inner
    count, total = steps.size, int(steps.sum())
    squares = int((steps * steps).sum())
    unit = 1000 * (FACE_SIDE // BLUR_SIDE) ** 2
    return (count * squares - total * total) / (count * unit) ** 2
