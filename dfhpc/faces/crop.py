"""From a box in a frame to a face of 320x320x3."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dfhpc.constants import FACE_SIDE

Box = tuple[int, int, int, int]


def crop_face(
    frame: NDArray[np.uint8], box: Box, kind: Literal["plain", "square"], margin: float
) -> NDArray[np.uint8]:
    """Return the face in ``box`` as RGB uint8 (320, 320, 3).

    ``plain`` cuts the box as it is and does not keep its aspect (Chiu 2021);
    ``square`` cuts a square with ``margin`` around it and keeps the aspect.
    """
    return unified(cut_face(frame, box, kind, margin))


def cut_face(
    frame: NDArray[np.uint8], box: Box, kind: Literal["plain", "square"], margin: float
) -> NDArray[np.uint8]:
    """Return the same part of the frame in its own size, as a view of the frame."""
    height, width = frame.shape[:2]
    x, y, box_width, box_height = (
        box if kind == "plain" else square_box(box, margin, width, height)
    )
    return frame[y : y + box_height, x : x + box_width]


def unified(cut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what was cut out, scaled to (320, 320, 3)."""
    face = Image.fromarray(cut).resize((FACE_SIDE, FACE_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(face)


def square_box(box: Box, margin: float, width: int, height: int) -> Box:
    """Return a square around ``box``, moved to lie inside the frame.

    Its side is the longer side of the box times ``1 + margin``, or what the frame
    has room for.

    >>> square_box((40, 40, 20, 10), 0.5, 100, 100)
    (35, 30, 30, 30)
    >>> square_box((0, 0, 20, 10), 0.5, 100, 100)
    (0, 0, 30, 30)
    """
    x, y, box_width, box_height = box
    side = min(round(max(box_width, box_height) * (1 + margin)), width, height)
    left = round(x + box_width / 2 - side / 2)
    top = round(y + box_height / 2 - side / 2)
    return (
        min(max(left, 0), width - side),
        min(max(top, 0), height - side),
        side,
        side,
    )
