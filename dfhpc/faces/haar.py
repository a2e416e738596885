"""Haar cascade (Viola & Jones 2001) of OpenCV 4, the detector of work A."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import DetectorError
from dfhpc.faces.detector import (
    SMALLEST_FACE,
    Detection,
    check_frame,
    clipped_box,
)

CASCADE_NAME = "haarcascade_frontalface_alt.xml"
"""The cascade that ``ocv_face`` of the R package opencv loads."""

CONFIDENCE = 1.0
"""A cascade says yes or no and gives no probability."""


class HaarDetector:
    """Frontal faces, fast and without landmarks."""

    name = "haar"

    def __init__(self) -> None:
        """Load the cascade that ships with OpenCV 4."""
        cv2.setNumThreads(1)
        path = Path(cv2.__file__).parent / "data" / CASCADE_NAME
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise DetectorError(f"OpenCV {cv2.__version__} has no {CASCADE_NAME}.")

    def detect(
        self, frames: list[NDArray[np.uint8]], min_face_size: int = SMALLEST_FACE
    ) -> list[list[Detection]]:
        """Return the faces of each frame, from the top left to the bottom right."""
        return [self._detect_one(frame, min_face_size) for frame in frames]

    def _detect_one(
        self, frame: NDArray[np.uint8], min_face_size: int
    ) -> list[Detection]:
        check_frame(frame)
        height, width = frame.shape[:2]
        gray = cv2.equalizeHist(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
        try:
            smallest = (min_face_size, min_face_size)
            boxes = self._cascade.detectMultiScale(gray, minSize=smallest)
        except cv2.error as error:
            raise DetectorError(f"The Haar cascade failed: {error}") from error
        found = sorted(tuple(int(value) for value in box) for box in boxes)
        return [
            Detection(clipped_box((x, y, w, h), width, height), CONFIDENCE, None)
            for x, y, w, h in found
        ]
