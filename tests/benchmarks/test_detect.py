import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import detect
from benchmarks.frames import NoClipsError, fitted, make_frames

FACE = ([10, 10, 100, 100], 0.99, [[40.0, 40.0]])
DOUBTFUL = ([300, 10, 100, 100], 0.5, [[340.0, 40.0]])


def test_doubtful_faces_do_not_count():
    assert detect.same_faces([FACE, DOUBTFUL], [FACE])
    assert not detect.same_faces([FACE], [FACE, FACE])
    assert not detect.same_faces([([20, 10, 100, 100], 0.99, [[40.0, 40.0]])], [FACE])
    assert not detect.same_faces([(FACE[0], 0.97, FACE[2])], [FACE])
    assert not detect.same_faces([(FACE[0], 0.99, [[44.0, 40.0]])], [FACE])


def test_the_largest_face_is_compared():
    small = ([300, 10, 20, 20], 0.99, [])
    assert detect.same_largest([FACE], [small, FACE])
    assert not detect.same_largest([small], [FACE])
    assert not detect.same_largest([], [FACE])
    assert detect.same_largest([], [DOUBTFUL])


def test_frames_are_fitted(tmp_path):
    tall = np.full((100, 50, 3), 200, np.uint8)
    frame = fitted(tall, 90, 160)
    assert frame.shape == (90, 160, 3)
    assert frame[45, 80].tolist() == [200] * 3
    assert not frame[:, :50].any()
    make_frames(tmp_path / "a.npy", None, 48, 4)
    assert np.load(tmp_path / "a.npy").shape == (4, 48, 86, 3)


def test_a_folder_without_clips_is_refused(tmp_path):
    with pytest.raises(NoClipsError, match="--data"):
        make_frames(tmp_path / "a.npy", tmp_path, 48, 1)


@pytest.mark.slow
def test_the_whole_benchmark(tmp_path):
    command = ["--frames", "2", "--repeats", "1", "--heights", "240", "--json"]
    result = CliRunner().invoke(
        detect.main, [*command, "--folder", str(tmp_path)], catch_exceptions=False
    )
    (found,) = json.loads(result.output.splitlines()[-1])["results"]
    keys = {"height", "ratio", "fast_ratio", "memory_ratio", "agreement"}
    assert keys <= found.keys()
    assert found["agreement"] == found["fast_agreement"] == 1
    assert found["memory_ratio"] < 0.5
