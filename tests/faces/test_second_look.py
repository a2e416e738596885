import numpy as np

from dfhpc.faces.detector import Detection
from dfhpc.faces.second_look import find_faces, unmirrored

POINTS = ((12.0, 8.0), (20.0, 9.0), (16.0, 15.0), (13.0, 22.0), (21.0, 23.0))


class OneSidedDetector:
    """Sees a bright square, and is surer of it in the left half of a frame."""

    name = "one_sided"

    def __init__(self):
        self.sizes = []

    def detect(self, frames, min_face_size=20):
        self.sizes.append(min_face_size)
        found = [self._one(frame) if frame.any() else None for frame in frames]
        return [[f] if f and min(f.box[2:]) >= min_face_size else [] for f in found]

    def _one(self, frame):
        ys, xs = np.nonzero(frame[:, :, 0])
        x, y = int(xs.min()), int(ys.min())
        box = (x, y, int(xs.max()) - x + 1, int(ys.max()) - y + 1)
        sure = x < frame.shape[1] // 2
        return Detection(box, 0.99 if sure else 0.85, None)


def _frame(x, side=20):
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[10 : 10 + side, x : x + side] = 255
    return frame


def _look(detector, frame, min_confidence=0.9, min_face_size=20, mirror=True):
    return find_faces(
        detector,
        frame,
        min_confidence=min_confidence,
        min_face_size=min_face_size,
        mirror=mirror,
    )


def test_a_sure_face_needs_no_second_look():
    detector = OneSidedDetector()
    faces, mirrored = _look(detector, _frame(5))
    assert (faces[0].box, mirrored) == ((5, 10, 20, 20), False)
    assert detector.sizes == [20]


def test_a_face_seen_in_the_mirror_is_where_it_is_in_the_frame():
    faces, mirrored = _look(OneSidedDetector(), _frame(80))
    assert (faces[0].box, faces[0].confidence) == ((80, 10, 20, 20), 0.99)
    assert mirrored


def test_doubtful_in_both_stays_as_first_seen():
    faces, mirrored = _look(OneSidedDetector(), _frame(80), min_confidence=0.999)
    assert (faces[0].confidence, mirrored) == (0.85, False)
    assert _look(OneSidedDetector(), _frame(0) * 0) == ([], False)


def test_small_faces_are_looked_for_where_no_large_one_is():
    detector = OneSidedDetector()
    faces, mirrored = _look(detector, _frame(5), min_face_size=60)
    assert (faces[0].box, mirrored) == ((5, 10, 20, 20), False)
    assert detector.sizes == [60, 20]
    detector = OneSidedDetector()
    assert _look(detector, _frame(5, side=70), min_face_size=60)[0]
    assert detector.sizes == [60]


def test_the_mirror_is_left_out_on_request():
    detector = OneSidedDetector()
    faces, mirrored = _look(detector, _frame(80), min_face_size=60, mirror=False)
    assert (faces[0].confidence, mirrored) == (0.85, False)
    assert detector.sizes == [60, 20]


def test_landmarks_change_sides_and_come_back():
    face = Detection((10, 5, 20, 30), 0.9, POINTS)
    there = unmirrored(face, 100)
    assert there.landmarks[0][0] == 100 - 1 - POINTS[1][0]
    assert unmirrored(there, 100) == face
