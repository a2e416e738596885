"""The detector against the package whose weights it has: the same faces."""

import av
import numpy as np
import pytest
from PIL import Image

from dfhpc.demo.faces import Person
from dfhpc.errors import DetectorError
from dfhpc.faces import mtcnn_onnx
from dfhpc.faces.detector import get_detector
from dfhpc.faces.mtcnn import MtcnnDetector
from dfhpc.faces.second_look import find_faces

CONFIDENT = 0.9

# Of each clip; the package takes a second or two for one of 1080p.
FRAMES = (45,)

EXCEPTIONS: set[tuple[str, int]] = set()
"""Frames, by clip and index, on which both may differ. There are none."""


def overlap(a, b):
    """Return the intersection of two boxes over their union."""
    low = np.maximum(a[:2], b[:2])
    high = np.minimum(np.add(a[:2], a[2:]), np.add(b[:2], b[2:]))
    shared = np.prod(np.maximum(high - low, 0))
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def assert_same_faces(found, expected):
    found = [face for face in found if face.confidence >= CONFIDENT]
    expected = [face for face in expected if face.confidence >= CONFIDENT]
    assert len(found) == len(expected)
    for face in expected:
        twin = max(found, key=lambda other: overlap(other.box, face.box))
        assert overlap(twin.box, face.box) >= 0.95
        assert abs(twin.confidence - face.confidence) <= 0.01
        apart = np.abs(np.subtract(twin.landmarks, face.landmarks)).max()
        assert apart <= max(1, 0.02 * min(face.box[2:]))


def _frames(path, indices):
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in indices:
                yield index, frame.to_ndarray(format="rgb24")
            if index >= max(indices):
                return


def _clips(data_dir):
    ffpp = sorted((data_dir / "ffpp").rglob("*.mp4"))
    others = [*(data_dir / "dfdc").glob("*.mp4"), *(data_dir / "grid").glob("*.mpg")]
    return [*ffpp[::5], *sorted(others), data_dir / "several_people.mp4"]


@pytest.mark.slow
def test_clips_show_the_faces_that_the_package_finds(data_dir):
    ours, reference = get_detector("mtcnn"), get_detector("mtcnn_reference")
    num_faces = 0
    for path in _clips(data_dir):
        for index, frame in _frames(path, FRAMES):
            expected = reference.detect([frame])[0]
            num_faces += len(expected)
            if (path.name, index) not in EXCEPTIONS:
                assert_same_faces(ours.detect([frame])[0], expected)
    assert num_faces > 15


@pytest.mark.parametrize("name", ["one_face", "no_face", "six_faces"])
def test_pictures_show_the_same_faces_and_doubtful_ones_too(data_dir, name):
    picture = Image.open(data_dir / "images" / f"{name}.jpg").convert("RGB")
    frame = np.asarray(picture)
    expected = get_detector("mtcnn_reference").detect([frame])[0]
    found = get_detector("mtcnn").detect([frame])[0]
    assert [face.box for face in found] == [face.box for face in expected]


@pytest.mark.parametrize(
    ("height", "width"), [(41, 63), (64, 21), (57, 57), (480, 33), (121, 122)]
)
def test_frames_of_odd_sizes(height, width):
    picture = Image.fromarray(Person(3).picture().astype(np.uint8))
    frame = np.asarray(picture.resize((width, height)))
    expected = get_detector("mtcnn_reference").detect([frame])[0]
    found = get_detector("mtcnn").detect([frame])[0]
    assert [face.box for face in found] == [face.box for face in expected]


def test_large_faces_are_found_without_small_levels(data_dir):
    detector = get_detector("mtcnn")
    for path in _clips(data_dir)[:6]:
        for _, frame in _frames(path, (0,)):
            both = [
                find_faces(
                    detector,
                    frame,
                    min_confidence=CONFIDENT,
                    min_face_size=size,
                    mirror=False,
                )[0]
                for size in (20, 60)
            ]
            large = [[f for f in faces if min(f.box[2:]) >= 60] for faces in both]
            assert_same_faces(large[1], large[0])


def test_a_min_face_size_is_honored():
    picture = Image.fromarray(Person(3).picture().astype(np.uint8))
    detector = get_detector("mtcnn")
    frame = np.asarray(picture)
    (face,) = detector.detect([frame], 20)[0]
    side = max(face.box[2:])
    assert detector.detect([frame], side // 2)[0]
    # The package finds nothing at such sizes, whatever is in the frame.
    assert detector.detect([frame], 4 * side)[0] == []


def test_threads_change_no_bit():
    frame = Person(3).picture().astype(np.uint8)
    frame = np.tile(frame, (2, 3, 1))
    one, three = MtcnnDetector("cpu"), MtcnnDetector("cpu", threads=3)
    assert one.detect([frame]) == three.detect([frame])
    assert len(one.detect([frame])[0]) == 6


def test_what_lies_beside_a_frame_in_memory_is_not_seen():
    frame = np.tile(Person(3).picture().astype(np.uint8), (2, 2, 1))
    height, width = (side // 2 for side in frame.shape[:2])
    view = frame[height:, width:]
    detector = get_detector("mtcnn")
    assert detector.detect([view]) == detector.detect([view.copy()])
    mirror = frame[:, ::-1]
    assert detector.detect([mirror]) == detector.detect([mirror.copy()])


def test_networks_by_onnx_runtime_find_the_same(data_dir):
    detector = MtcnnDetector("cpu")
    detector._pnet = mtcnn_onnx.OnnxPNet(mtcnn_onnx.CPU)
    detector._rnet = mtcnn_onnx.OnnxCropNetwork("rnet", mtcnn_onnx.CPU)
    detector._onet = mtcnn_onnx.OnnxCropNetwork("onet", mtcnn_onnx.CPU)
    picture = Image.open(data_dir / "images" / "six_faces.jpg").convert("RGB")
    frame = np.asarray(picture)
    found, expected = detector.detect([frame])[0], get_detector("mtcnn").detect([frame])
    assert [face.box for face in found] == [face.box for face in expected[0]]
    assert detector.detect([np.zeros((90, 90, 3), np.uint8)]) == [[]]


def test_a_gpu_that_is_not_there_is_said_not_replaced():
    with pytest.raises(DetectorError, match="--device cpu"):
        MtcnnDetector("cuda")


def test_weights_of_another_version_are_refused(monkeypatch):
    from dfhpc.faces import mtcnn_weights

    read = mtcnn_weights._read_arrays
    monkeypatch.setattr(mtcnn_weights, "_read_arrays", lambda name: read("rnet"))
    with pytest.raises(DetectorError, match=r"mtcnn 1\.0"):
        mtcnn_weights.read_network("pnet")
