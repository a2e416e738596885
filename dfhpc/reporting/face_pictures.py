"""Faces on pages: small JPEGs, and what a model used laid over them."""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfhpc.explanations import Explanation
from dfhpc.reporting.pages import data_uri

if TYPE_CHECKING:
    from PIL import Image

Face = NDArray[np.uint8]

QUALITY = 80
FAKE_TINT, REAL_TINT = (213, 94, 0), (0, 114, 178)
"""Vermilion and blue, told apart by color-blind people (Okabe & Ito 2008)."""

STRONG_PERCENTILE = 99.0
"""Evidence beyond it is drawn as if at it, or a few places would outshine the rest."""

MOST_TINT = 0.75
SMOOTHED = 21
"""Pixels over which evidence is averaged, thrice: for the eye alone."""


def face_uri(face: Face, side: int) -> str:
    """Return a face, (320, 320, 3), as a JPEG of ``side`` pixels for an ``img``."""
    from PIL import Image

    picture = Image.fromarray(face)
    return _uri(picture.resize((side, side), Image.Resampling.LANCZOS))


def overlay_uri(face: Face, explanation: Explanation, side: int) -> str:
    """Return the gray face with what the model used in color, its region outlined."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(tinted(face, explanation.evidence))
    picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    scale = side / len(face)
    x, y, width, height = (value * scale for value in explanation.region)
    corners = (x, y, x + width - 1, y + height - 1)
    # Dark around white: to be seen on any face and any tint.
    draw.rectangle(corners, outline="#000000", width=5)
    inner = (corners[0] + 1, corners[1] + 1, corners[2] - 1, corners[3] - 1)
    draw.rectangle(inner, outline="#ffffff", width=3)
    return _uri(picture)


def tinted(face: Face, evidence: NDArray[np.float32]) -> Face:
    """Return the face in gray, tinted where ``evidence``, (320, 320), is strong."""
    gray = face.mean(axis=2, keepdims=True) * 0.8 + 40
    smooth = smoothed(evidence)
    strong = np.percentile(np.abs(smooth), STRONG_PERCENTILE)
    share = np.clip(smooth / strong, -1, 1)[..., None] if strong > 0 else 0 * gray
    tint = np.where(share > 0, np.array(FAKE_TINT), np.array(REAL_TINT))
    alpha = MOST_TINT * np.abs(share)
    return np.asarray(np.rint(gray * (1 - alpha) + tint * alpha), np.uint8)


def smoothed(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the means over squares, thrice, which is nearly a bell's shape.

    >>> float(smoothed(np.ones((320, 320), np.float32)).min().round(6))
    1.0
    """
    smooth = values.astype(np.float64)
    for _ in range(3):
        smooth = _averaged(_averaged(smooth).T).T
    return smooth


def _averaged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means over ``SMOOTHED`` rows; edges are repeated outwards."""
    wide = np.pad(values, ((SMOOTHED // 2 + 1, SMOOTHED // 2), (0, 0)), mode="edge")
    sums = wide.cumsum(axis=0)
    return np.asarray((sums[SMOOTHED:] - sums[:-SMOOTHED]) / SMOOTHED)


def _uri(picture: "Image.Image") -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return data_uri(file.getvalue(), "jpeg")
