"""The real detectors, on real pictures and on invented ones."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from dfhpc.demo.faces import Person
from dfhpc.errors import DetectorError
from dfhpc.faces.detector import clipped_box, detector_versions, get_detector

DETECTORS = ["mtcnn", "mtcnn_reference", "haar"]


def _picture(data_dir, name):
    return np.asarray(Image.open(data_dir / "images" / name).convert("RGB"))


def _confident(detector, frame):
    return [face for face in detector.detect([frame])[0] if face.confidence >= 0.9]


@pytest.mark.parametrize(
    ("name", "count"), [("one_face.jpg", 1), ("no_face.jpg", 0), ("six_faces.jpg", 6)]
)
def test_mtcnn_counts_faces_right(data_dir, name, count):
    frame = _picture(data_dir, name)
    faces = _confident(get_detector("mtcnn"), frame)
    assert len(faces) == count
    for face in faces:
        x, y, width, height = face.box
        eyes_y = [face.landmarks[i][1] for i in (0, 1)]
        mouth_y = [face.landmarks[i][1] for i in (3, 4)]
        assert face.landmarks[0][0] < face.landmarks[1][0]
        assert max(eyes_y) < min(mouth_y)
        assert (x, y, width, height) == clipped_box(
            face.box, frame.shape[1], frame.shape[0]
        )


def test_haar_finds_six_faces_and_none(data_dir):
    detector = get_detector("haar")
    assert len(detector.detect([_picture(data_dir, "six_faces.jpg")])[0]) == 6
    assert detector.detect([_picture(data_dir, "no_face.jpg")])[0] == []


@pytest.mark.parametrize("name", DETECTORS)
def test_an_invented_person_is_found_and_is_json(name):
    frame = Person(3).picture().astype(np.uint8)
    faces = _confident(get_detector(name), frame)
    assert len(faces) == 1
    value = faces[0].to_json()
    assert json.loads(json.dumps(value)) == value
    x, y, width, height = faces[0].box
    assert x < 160 < x + width
    assert y < 170 < y + height


@pytest.mark.parametrize("name", DETECTORS)
def test_colors_are_rgb_and_frames_are_independent(name):
    frames = [Person(seed).picture().astype(np.uint8) for seed in (3, 4)]
    detector = get_detector(name)
    together = detector.detect([*frames, np.zeros((64, 64, 3), np.uint8)])
    assert together[:2] == [detector.detect([frame])[0] for frame in frames]
    assert together[2] == []


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 1), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
    ],
    ids=["grey", "one channel", "alpha", "float", "empty"],
)
def test_what_is_no_frame_is_refused(name, frame):
    with pytest.raises(DetectorError):
        get_detector(name).detect([frame])


@pytest.mark.parametrize("name", DETECTORS)
def test_tiny_frames_hold_no_face(name):
    for size in (1, 12, 19, 20, 25):
        assert get_detector(name).detect([np.full((size, size, 3), 9, np.uint8)]) == [
            []
        ]


def test_a_fault_inside_the_package_is_no_picture_without_faces(monkeypatch):
    """The package takes each InvalidArgumentError for `no faces`; dfhpc does not."""
    import tensorflow as tf

    detector = get_detector("mtcnn_reference")
    rnet = detector._mtcnn.stages[1]

    def fail(**kwargs):
        raise tf.errors.InvalidArgumentError(None, None, "out of order")

    monkeypatch.setattr(rnet, "_stage", fail)
    with pytest.raises(DetectorError, match="out of order"):
        detector.detect([Person(3).picture().astype(np.uint8)])


def test_weights_in_the_working_directory_are_not_unpickled(tmp_path, monkeypatch):
    from dfhpc.faces.mtcnn import MtcnnDetector
    from dfhpc.faces.mtcnn_reference import MtcnnReferenceDetector

    for name in ("pnet.lz4", "rnet.lz4", "onet.lz4"):
        (tmp_path / name).write_bytes(b"would be unpickled")
    monkeypatch.chdir(tmp_path)
    assert os.path.exists("pnet.lz4")
    for detector in (MtcnnDetector(), MtcnnReferenceDetector()):
        assert detector.detect([np.zeros((64, 64, 3), np.uint8)]) == [[]]


@pytest.mark.parametrize("name", DETECTORS)
def test_built_once_a_process_and_versions_known(name):
    assert get_detector(name) is get_detector(name)
    assert "unknown" not in detector_versions(name).values()
