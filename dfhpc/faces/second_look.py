"""A second look: a frame without a confident face is tried again, mirrored.

Networks are not quite symmetric. On clips of FaceForensics++ and DFDC, plain frontal
faces that MTCNN scores just below 0.9 score above it in the mirror image; a second
look costs only the frames that would otherwise be lost.
"""

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.detector import Detection, Detector

_LANDMARK_ORDER = (1, 0, 2, 4, 3)
"""In a mirror, the left eye is the right one, and so with the mouth's corners."""


def look_twice(
    detector: Detector, frame: NDArray[np.uint8], min_confidence: float
) -> tuple[list[Detection], bool]:
    """Return the faces in a frame, and whether only its mirror image showed them."""
    first = detector.detect([frame])[0]
    if any(face.confidence >= min_confidence for face in first):
        return first, False
    mirror = np.ascontiguousarray(frame[:, ::-1])
    second = [unmirrored(face, frame.shape[1]) for face in detector.detect([mirror])[0]]
    if any(face.confidence >= min_confidence for face in second):
        return second, True
    return first, False


def unmirrored(face: Detection, width: int) -> Detection:
    """Return where a face found in the mirror image of a frame is in the frame.

    >>> unmirrored(Detection((10, 5, 20, 30), 0.9, None), 100).box
    (70, 5, 20, 30)
    """
    x, y, box_width, box_height = face.box
    box = (width - x - box_width, y, box_width, box_height)
    if face.landmarks is None:
        return Detection(box, face.confidence, None)
    points = [face.landmarks[index] for index in _LANDMARK_ORDER]
    landmarks = tuple((width - 1 - point[0], point[1]) for point in points)
    return Detection(box, face.confidence, landmarks)
