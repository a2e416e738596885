import numpy as np

from dfhpc.faces.detector import Detection
from dfhpc.faces.second_look import look_twice, unmirrored

POINTS = ((12.0, 8.0), (20.0, 9.0), (16.0, 15.0), (13.0, 22.0), (21.0, 23.0))


class OneSidedDetector:
    """Sees a bright square, and is surer of it in the left half of a frame."""

    name = "one_sided"

    def __init__(self):
        self.calls = 0

    def detect(self, frames):
        self.calls += 1
        return [[self._one(frame)] if frame.any() else [] for frame in frames]

    def _one(self, frame):
        ys, xs = np.nonzero(frame[:, :, 0])
        x, y = int(xs.min()), int(ys.min())
        box = (x, y, int(xs.max()) - x + 1, int(ys.max()) - y + 1)
        sure = x < frame.shape[1] // 2
        return Detection(box, 0.99 if sure else 0.85, None)


def _frame(x):
    frame = np.zeros((40, 100, 3), np.uint8)
    frame[10:20, x : x + 8] = 255
    return frame


def test_a_sure_face_needs_no_second_look():
    detector = OneSidedDetector()
    faces, mirrored = look_twice(detector, _frame(5), 0.9)
    assert (faces[0].box, mirrored, detector.calls) == ((5, 10, 8, 10), False, 1)


def test_a_face_seen_in_the_mirror_is_where_it_is_in_the_frame():
    faces, mirrored = look_twice(OneSidedDetector(), _frame(80), 0.9)
    assert (faces[0].box, faces[0].confidence, mirrored) == (
        (80, 10, 8, 10),
        0.99,
        True,
    )


def test_doubtful_in_both_stays_as_first_seen():
    faces, mirrored = look_twice(OneSidedDetector(), _frame(80), 0.999)
    assert (faces[0].confidence, mirrored) == (0.85, False)
    assert look_twice(OneSidedDetector(), _frame(0) * 0, 0.9) == ([], False)


def test_landmarks_change_sides_and_come_back():
    face = Detection((10, 5, 20, 30), 0.9, POINTS)
    there = unmirrored(face, 100)
    assert there.landmarks[0][0] == 100 - 1 - POINTS[1][0]
    assert unmirrored(there, 100) == face
