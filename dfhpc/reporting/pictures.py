"""Pictures of what models look at."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE
from dfhpc.runs import atomic_path

CLIP_PERCENTILE = 99.5
"""Weights beyond it are drawn as if at it, or a few would leave the rest gray."""


def save_weights_picture(path: Path, weights: NDArray[np.float64]) -> None:
    """Write (307200,) weights as a PNG of 320 x 320 x 3.

    Gray is no weight; brighter in a color speaks for fake, darker for real.
    """
    from PIL import Image

    with atomic_path(path) as tmp:
        Image.fromarray(weights_picture(weights)).save(tmp, format="PNG")


def weights_picture(weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the picture as (320, 320, 3)."""
    largest = np.percentile(np.abs(weights), CLIP_PERCENTILE)
    scaled = weights / largest if largest > 0 else weights
    gray = 127.5 * (1 + np.clip(scaled, -1, 1))
    return np.rint(gray).astype(np.uint8).reshape(FACE_SIDE, FACE_SIDE, FACE_CHANNELS)
