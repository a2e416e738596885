"""Frames with what was found in them drawn on top, scaled to the size they are seen."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

CHOSEN_COLOR = "#ff0000"
"""The dashed red rectangle of work A."""

OTHER_COLOR = "#56b4e9"
"""Sky blue: told from red by color-blind people too (Okabe & Ito 2008)."""

POINT_COLOR = "#f0e442"
OUTLINE_COLOR = "#000000"
DASH, GAP = 7, 5
SMALL = 48
"""Pixels of a drawn box; within a smaller one, marks are small too."""

Points = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels of the frame."""

    box: Sequence[float]
    """x, y, width, height."""
    landmarks: Points | None = None
    is_chosen: bool = True


def faces_of(frame: Mapping[str, Any]) -> list[Face]:
    """Return the faces that the record of a frame tells of, the chosen one last."""
    others = [
        Face(other["box"], other.get("landmarks"), is_chosen=False)
        for other in frame.get("others") or ()
    ]
    if frame.get("box") is None:
        return others
    return [*others, Face(frame["box"], frame.get("landmarks"))]


def mark_frame(
    pixels: NDArray[np.uint8],
    faces: Sequence[Face],
    size: tuple[int, int],
    shrunk: tuple[float, float] = (1.0, 1.0),
) -> "Image.Image":
    """Return a frame (height, width, 3), scaled to fit ``size``, its faces marked.

    ``shrunk`` is how many pixels of the faces, across and down, are one of ``pixels``.
    """
    from PIL import ImageDraw

    picture = fitted(pixels, size)
    scale = (
        picture.width / pixels.shape[1] / shrunk[0],
        picture.height / pixels.shape[0] / shrunk[1],
    )
    draw = ImageDraw.Draw(picture)
    for face in faces:
        _draw_face(draw, face, scale)
    return picture


def fitted(pixels: NDArray[np.uint8], size: tuple[int, int]) -> "Image.Image":
    """Return a picture scaled to fit into ``size`` (width, height), its aspect kept.

    What is smaller is not enlarged beyond twice its size.
    """
    from PIL import Image

    picture = Image.fromarray(pixels)
    factor = min(size[0] / picture.width, size[1] / picture.height, 2.0)
    wanted = (
        max(1, round(picture.width * factor)),
        max(1, round(picture.height * factor)),
    )
    # The gap lets an 8K frame be halved by sums first, at a tenth of the time.
    return picture.resize(wanted, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _draw_face(
    draw: "ImageDraw.ImageDraw", face: Face, scale: tuple[float, float]
) -> None:
    x, y, width, height = face.box
    left, top = x * scale[0], y * scale[1]
    right, bottom = (x + width) * scale[0] - 1, (y + height) * scale[1] - 1
    is_small = min(right - left, bottom - top) < SMALL
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    if not face.is_chosen:
        draw.line(corners, fill=OTHER_COLOR, width=1)
    else:
        for start, end in itertools.pairwise(corners):
            _draw_dashes(draw, start, end, 2 if is_small else 3)
    for point in face.landmarks or ():
        at = point[0] * scale[0], point[1] * scale[1]
        _draw_point(draw, at, 1 if is_small else 2)


def _draw_dashes(
    draw: "ImageDraw.ImageDraw",
    start: tuple[float, float],
    end: tuple[float, float],
    stroke: int,
) -> None:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    for begin in np.arange(0.0, length, DASH + GAP):
        stop = min(begin + DASH, length)
        dash = [_between(start, end, at / length) for at in (begin, stop)]
        # Dark under red: to be seen on faces, skies and red cloth.
        draw.line(dash, fill=OUTLINE_COLOR, width=stroke + 2)
        draw.line(dash, fill=CHOSEN_COLOR, width=stroke)


def _between(
    start: tuple[float, float], end: tuple[float, float], share: float
) -> tuple[float, float]:
    return (
        start[0] + share * (end[0] - start[0]),
        start[1] + share * (end[1] - start[1]),
    )


def _draw_point(
    draw: "ImageDraw.ImageDraw", at: tuple[float, float], radius: int
) -> None:
    x, y = round(at[0]), round(at[1])
    if radius == 1:
        draw.rectangle((x, y, x + 1, y + 1), fill=POINT_COLOR)
        return
    corners = (x - radius, y - radius, x + radius, y + radius)
    draw.ellipse(corners, fill=POINT_COLOR, outline=OUTLINE_COLOR)
