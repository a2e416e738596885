"""The ways in which videos are made worse, and how much, from mild to severe."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.extraction.video import Change
from dfhpc.videos.reencoding import can_encode
from dfhpc.videos.worsening import as_jpeg, blurred, noisy, scaled

BASELINE = "none"

CRF = "crf"
"""The one kind that is no change of single pictures."""


@dataclass(frozen=True)
class Kind:
    """A way to make videos worse."""

    name: str
    title: str
    axis: str
    """What the level is, for the axis of a plot."""
    levels: tuple[float, ...]
    source: str
    """Why these levels."""

    def text(self, level: float) -> str:
        """Return a level as people write it."""
        names = {2 / 3: "2/3", 1 / 2: "1/2", 1 / 3: "1/3", 1 / 4: "1/4"}
        return names.get(level, f"{level:g}") if self.name == "scale" else f"{level:g}"


KINDS = (
    Kind(
        "jpeg",
        "JPEG",
        "quality",
        (90, 70, 50, 30, 10),
        "30 is the worst that Wang et al. 2020 (arXiv 1912.11035) train with, 10 the "
        "second worst of ImageNet-C (Hendrycks & Dietterich 2019, arXiv 1903.12261)",
    ),
    Kind(
        CRF,
        "H.264 again",
        "CRF",
        (18, 23, 30, 40),
        "18 looks lossless and 23 is the default of x264; FaceForensics++ calls 23 and "
        "40 high and low quality (c23, c40)",
    ),
    Kind(
        "scale",
        "Scaled down and up",
        "factor",
        (2 / 3, 1 / 2, 1 / 3, 1 / 4),
        "1080 lines sent as 720, 540, 360 and 270",
    ),
    Kind(
        "blur",
        "Gaussian blur",
        "sigma in pixels",
        (0.5, 1, 2, 3),
        "up to the 3 of Wang et al. 2020; 1, 2 and 3 are the mildest of ImageNet-C",
    ),
    Kind(
        "noise",
        "Gaussian noise",
        "sigma in gray levels",
        (2, 5, 10, 20),
        "20 of 255 is the mildest of ImageNet-C",
    ),
)


@dataclass(frozen=True)
class Condition:
    """A kind at a level."""

    kind: Kind
    level: float

    @property
    def key(self) -> str:
        """Its name in files.

        >>> Condition(KINDS[0], 90).key
        'jpeg-90'
        """
        return f"{self.kind.name}-{self.level:g}"


def usable_kinds() -> tuple[Kind, ...]:
    """Return the kinds that can be done here: re-encoding needs an encoder."""
    return tuple(kind for kind in KINDS if kind.name != CRF or can_encode())


def conditions(kinds: Sequence[Kind]) -> list[Condition]:
    """Return every level of every kind."""
    return [Condition(kind, level) for kind in kinds for level in kind.levels]


def describe(kinds: Sequence[Kind]) -> list[Any]:
    """Return what a result depends on, as JSON values."""
    return [[kind.name, list(kind.levels)] for kind in kinds]


def picture_change(condition: Condition, video_id: str) -> Change:
    """Return what makes each frame of a video worse.

    Raises
    ------
    KeyError
        For re-encoding, which is no change of single pictures.
    """
    level = condition.level
    if condition.kind.name == "noise":
        return functools.partial(_noisy, level, _number(f"{condition.key}:{video_id}"))
    functions: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
        "jpeg": lambda pixels: as_jpeg(pixels, int(level)),
        "scale": lambda pixels: scaled(pixels, level),
        "blur": lambda pixels: blurred(pixels, level),
    }
    function = functions[condition.kind.name]
    return lambda index, pixels: function(pixels)


def _noisy(
    sigma: float, seed: int, index: int, pixels: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    return noisy(pixels, sigma, (seed, index))


def _number(text: str) -> int:
    """Return a number for a text, the same in every process."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big")
