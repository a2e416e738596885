import json

from dfhpc.faces.detector import Detection
from dfhpc.faces.selection import choose_face

SMALL = Detection((0, 0, 10, 10), 0.99, None)
LARGE = Detection((50, 0, 30, 20), 0.95, None)
DOUBTFUL = Detection((0, 0, 90, 90), 0.85, None)


def test_rules():
    faces = [DOUBTFUL, SMALL, LARGE]
    assert choose_face(faces, 0.9, "first") is SMALL
    assert choose_face(faces, 0.9, "largest") is LARGE
    assert choose_face(faces, 0.9, "most_confident") is SMALL
    assert choose_face(faces, 0.5, "largest") is DOUBTFUL


def test_no_confident_face_is_none():
    assert choose_face([DOUBTFUL], 0.9, "largest") is None
    assert choose_face([], 0.0, "first") is None


def test_detections_are_json():
    points = ((1.0, 2.0),) * 5
    value = Detection((1, 2, 3, 4), 0.5, points).to_json()
    assert json.loads(json.dumps(value)) == value
