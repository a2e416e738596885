import json

import pytest
from click.testing import CliRunner

from benchmarks import extract
from dfhpc.demo.clips import make_data_set


def test_frames_with_the_same_face_or_none_are_counted():
    expected = {"a": [[0, 0, 100, 100], None, [0, 0, 50, 50]], "b": [None]}
    found = {"a": [[1, 0, 100, 100], None, None], "b": [[0, 0, 9, 9]]}
    assert extract.share_equal(expected, expected) == 1
    assert extract.share_equal(found, expected) == 0.5


@pytest.mark.slow
def test_the_whole_benchmark(tmp_path):
    make_data_set(tmp_path / "clips", num_people=2, num_frames=33)
    command = ["--data", str(tmp_path / "clips"), "--folder", str(tmp_path)]
    result = CliRunner().invoke(
        extract.main, [*command, "--repeats", "1", "--json"], catch_exceptions=False
    )
    found = json.loads(result.output.splitlines()[-1])
    assert found["videos"] == 6
    assert found["ratio"] > 0
    assert found["faces_equal"] == found["exact_faces_equal"] == 1
