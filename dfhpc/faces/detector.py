"""What a face detector is, and how one is had by name, once a process."""

import functools
import importlib.metadata
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import DetectorError

Landmarks = tuple[tuple[float, float], ...]
"""Left eye, right eye, nose, left and right corner of the mouth, as x, y in pixels."""


SMALLEST_FACE = 20
"""Side in pixels from which on MTCNN finds faces, as in the package ``mtcnn``."""

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Detection:
    """A face in a frame, in plain Python numbers."""

    box: tuple[int, int, int, int]
    """x, y, width, height in frame pixels, inside the frame."""
    confidence: float
    """In [0, 1]."""
    landmarks: Landmarks | None
    """None where the detector has none."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        points = None if self.landmarks is None else [list(p) for p in self.landmarks]
        return {
            "box": list(self.box),
            "confidence": self.confidence,
            "landmarks": points,
        }


class Detector(Protocol):
    """Finds faces; one instance serves one process, a call at a time."""

    name: str

    def detect(
        self, frames: list[NDArray[np.uint8]], min_face_size: int = SMALLEST_FACE
    ) -> list[list[Detection]]:
        """Return the faces of each RGB frame (height, width, 3).

        Faces smaller than ``min_face_size`` pixels may be left out: that saves time.

        Raises
        ------
        DetectorError
            When a frame is not such an array, or the detector itself fails.
        """
        ...


DETECTORS = ("mtcnn", "mtcnn_reference", "haar")

_PACKAGES = {
    "mtcnn": ("mtcnn", "llvmlite"),
    "mtcnn_reference": ("mtcnn", "tensorflow"),
    "haar": ("opencv-python-headless",),
}

DETECTOR_BYTES = {
    "mtcnn": 100_000_000,
    "mtcnn_reference": 1_200_000_000,
    "haar": 200_000_000,
}
"""Memory that a detector takes on frames of up to 1080p, its libraries included."""

WHOLE_FRAME = "whole_frame"
"""The detector for pictures that are faces cut already."""


def get_detector(name: str, *, device: Device = "auto", threads: int = 1) -> Detector:
    """Return the detector called ``name``, built once in this process.

    Its libraries are imported here and not before: TensorFlow takes seconds. What
    is found depends neither on ``device`` nor on ``threads``; only ``mtcnn`` heeds
    them.

    Raises
    ------
    DetectorError
        When the detector cannot be built, or ``device`` is ``cuda`` and there is none.
    """
    return _mtcnn(device, threads) if name == "mtcnn" else _simple(name)


@functools.cache
def _mtcnn(device: Device, threads: int) -> Detector:
    from dfhpc.faces.mtcnn import MtcnnDetector

    return MtcnnDetector(device=device, threads=threads)


@functools.cache
def _simple(name: str) -> Detector:
    if name == "haar":
        from dfhpc.faces.haar import HaarDetector

        return HaarDetector()
    if name == WHOLE_FRAME:
        from dfhpc.faces.whole_frame import WholeFrameDetector

        return WholeFrameDetector()
    from dfhpc.faces.mtcnn_reference import MtcnnReferenceDetector

    return MtcnnReferenceDetector()


def detector_versions(name: str) -> dict[str, str]:
    """Return the version of each library that the results of a detector depend on.

    Reads what is installed and imports nothing.
    """
    versions = {}
    for package in _PACKAGES[name]:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return versions


def check_frame(frame: NDArray[np.uint8]) -> None:
    """Refuse what is no RGB picture, before a library makes of it what it likes.

    Raises
    ------
    DetectorError
        When ``frame`` is no uint8 array of shape (height, width, 3).
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise DetectorError(
            f"A frame must be uint8 of shape (height, width, 3), "
            f"not {frame.dtype} of {frame.shape}."
        )
    if 0 in frame.shape:
        raise DetectorError(f"A frame must not be empty; its shape is {frame.shape}.")


def clipped_box(
    box: tuple[int, int, int, int], width: int, height: int
) -> tuple[int, int, int, int]:
    """Return the part of ``box`` (x, y, width, height) inside a frame.

    >>> clipped_box((-4, 10, 20, 200), 100, 100)
    (0, 10, 16, 90)
    """
    x, y, box_width, box_height = box
    left, top = min(max(x, 0), width), min(max(y, 0), height)
    right = min(max(x + box_width, left), width)
    bottom = min(max(y + box_height, top), height)
    return left, top, right - left, bottom - top
