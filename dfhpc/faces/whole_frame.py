"""The detector for faces that somebody has cut already: the picture is the face."""

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.detector import SMALLEST_FACE, WHOLE_FRAME, Detection, check_frame

CONFIDENCE = 1.0
"""Nobody has looked, so there is no probability."""


class WholeFrameDetector:
    """One face a frame, as large as the frame."""

    name = WHOLE_FRAME

    def detect(
        self, frames: list[NDArray[np.uint8]], min_face_size: int = SMALLEST_FACE
    ) -> list[list[Detection]]:
        """Return each frame as its only face."""
        del min_face_size
        for frame in frames:
            check_frame(frame)
        return [
            [Detection((0, 0, frame.shape[1], frame.shape[0]), CONFIDENCE, None)]
            for frame in frames
        ]
