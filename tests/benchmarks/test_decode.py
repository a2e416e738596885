import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import decode


@pytest.fixture
def clip(clips):
    return next(clips.rglob("000.mp4"))


def _same_frames(path, indices):
    return decode.same(decode.read_all(path, indices), decode.grab(path, indices))


def test_both_ways_of_opencv_give_the_frames_asked_for(clip):
    assert sorted(decode.read_all(clip, [0, 30, 60])) == [0, 30]
    assert sorted(decode.grab(clip, [0, 30])) == [0, 30]
    assert _same_frames(clip, [0, 30])


def test_frames_that_differ_in_one_byte_or_in_number_are_not_the_same():
    one = {0: np.zeros((4, 4, 3), np.uint8)}
    other = {0: one[0].copy()}
    assert decode.same(one, other)
    other[0][3, 3, 2] = 1
    assert not decode.same(one, other)
    assert not decode.same(one, {**one, 30: one[0]})


def test_the_last_line_has_the_ratio_and_the_equality(clip):
    arguments = [str(clip), "--stride", "8", "--frames", "3", "--repeats", "1"]
    result = CliRunner().invoke(decode.main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output.splitlines()[-1])
    assert found["bytes_equal"] is True
    assert found["cpu_ratio"] > 0
    assert found["videos"] == len(found["results"]) == 1
    assert found["results"][0]["frames"] == 3


def test_the_decoders_process_is_counted(clip, monkeypatch):
    class Busy(decode.Decoder):
        def cpu_s(self):
            self.calls = getattr(self, "calls", 0) + 1
            return 10.0 * self.calls

    decoder = Busy()
    entry = decode.match(clip, [0], decoder, 1)
    decoder.stop()
    assert entry["dfhpc_cpu_s"] > 10


def test_a_folder_without_videos_is_refused(tmp_path):
    result = CliRunner().invoke(decode.main, [str(tmp_path)])
    assert result.exit_code == 1
    assert "holds no video" in result.output
