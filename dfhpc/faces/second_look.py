"""Looking again, where a first look that costs little finds no confident face.

Large faces are looked for first: the small levels of the pyramid cost a tenth of all.
A frame without one is looked at for small faces too, and then mirrored: networks are
not quite symmetric. On clips of FaceForensics++ and DFDC, plain frontal faces that
MTCNN scores just below 0.9 score above it in the mirror image. Second looks cost only
the frames that would otherwise be lost.
"""

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.detector import SMALLEST_FACE, Detection, Detector

_LANDMARK_ORDER = (1, 0, 2, 4, 3)
"""In a mirror, the left eye is the right one, and so with the mouth's corners."""


def find_faces(
    detector: Detector,
    frame: NDArray[np.uint8],
    *,
    min_confidence: float,
    min_face_size: int,
    mirror: bool,
) -> tuple[list[Detection], bool]:
    """Return the faces in a frame, and whether only its mirror image showed them.

    Faces from ``min_face_size`` pixels on are looked for; if none is confident, from
    20 pixels on; if ``mirror`` and none is, in the mirror image.
    """
    found: list[Detection] = []
    for size in dict.fromkeys((min_face_size, SMALLEST_FACE)):
        found = detector.detect([frame], size)[0]
        if _any_confident(found, min_confidence):
            return found, False
    if mirror:
        image = np.ascontiguousarray(frame[:, ::-1])
        second = detector.detect([image], SMALLEST_FACE)[0]
        if _any_confident(second, min_confidence):
            return [unmirrored(face, frame.shape[1]) for face in second], True
    return found, False


def _any_confident(faces: list[Detection], min_confidence: float) -> bool:
    return any(face.confidence >= min_confidence for face in faces)


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
