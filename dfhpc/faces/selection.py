"""Which of the faces in a frame is kept."""

from collections.abc import Sequence
from typing import Literal

from dfhpc.faces.detector import Detection

Rule = Literal["largest", "most_confident", "first"]


def choose_face(
    detections: Sequence[Detection], min_confidence: float, rule: Rule
) -> Detection | None:
    """Return the face that ``rule`` picks among the confident ones, or None.

    Chiu 2021 kept faces of confidence at least 0.9 and took the first.
    Of equals, the first is taken.
    """
    confident = [face for face in detections if face.confidence >= min_confidence]
    if not confident:
        return None
    if rule == "first":
        return confident[0]
    if rule == "most_confident":
        return max(confident, key=lambda face: face.confidence)
    return max(confident, key=lambda face: face.box[2] * face.box[3])
