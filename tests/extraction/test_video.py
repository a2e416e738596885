"""Each kind of input ends in the outcome a person would call right."""

import os
import signal

import numpy as np
import pytest

from dfhpc.config import ExtractConfig
from dfhpc.demo.clips import faceless_frames, real_frames, write_clip
from dfhpc.extraction.records import FrameRecord, video_outcome
from dfhpc.extraction.video import extract_video
from dfhpc.faces.detector import get_detector
from dfhpc.videos.decoder import get_decoder

QUICK = ExtractConfig(detector="haar", stride=8, frames_per_video=4)
PUBLISHED = ExtractConfig(crop="plain", choose="first", second_look=False)


def _outcome(path, extract=QUICK):
    record, faces = extract_video("v", path, extract)
    assert len(faces) == len(record.frames)
    assert [face is not None for face in faces] == [
        frame.status == "ok" for frame in record.frames
    ]
    return record


def _frames(record):
    return [frame.status for frame in record.frames]


def test_a_clip_with_a_face_in_each_frame_is_ok(clips):
    record = _outcome(next(clips.rglob("000.mp4")))
    assert (record.status, record.reason) == ("ok", "")
    assert [frame.frame_index for frame in record.frames] == [0, 8, 16, 24]
    assert (record.codec, record.width, record.num_frames) == ("h264", 320, 33)


def test_a_clip_without_faces_is_no_face(tmp_path):
    write_clip(tmp_path / "s.mp4", faceless_frames(30))
    record = _outcome(tmp_path / "s.mp4")
    assert (record.status, record.reason) == ("no_face", "no_face")
    assert set(_frames(record)) == {"no_face"}


def test_one_frame_is_enough(tmp_path):
    write_clip(tmp_path / "one.mp4", real_frames(1, 1))
    record = _outcome(tmp_path / "one.mp4")
    assert (record.status, _frames(record)) == ("ok", ["ok"])


def test_a_face_in_some_frames_is_partial(tmp_path):
    frames = [*faceless_frames(16), *real_frames(1, 16)]
    write_clip(tmp_path / "half.mp4", frames)
    record = _outcome(tmp_path / "half.mp4")
    assert (record.status, record.reason) == ("partial", "no_face")
    assert _frames(record) == ["no_face", "no_face", "ok", "ok"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"not a video at all\n" * 50, "not_a_video"),
        ("noise.mp4", bytes(range(256)) * 64, "not_a_video"),
    ],
)
def test_what_is_no_video_is_an_error_with_a_reason(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    record = _outcome(path)
    assert (record.status, record.reason) == ("error", reason)
    assert str(path) in record.detail


def test_a_failing_detector_is_an_error_and_not_no_face(clips, monkeypatch):
    from dfhpc.errors import DetectorError

    def fail(frames, min_face_size):
        raise DetectorError("broke")

    monkeypatch.setattr(get_detector("haar"), "detect", fail, raising=True)
    record = _outcome(next(clips.rglob("000.mp4")))
    assert (record.status, record.reason) == ("error", "detector_failed")


class TestRealClips:
    def test_several_people_one_face_is_kept_and_the_others_counted(self, data_dir):
        record = _outcome(data_dir / "several_people.mp4", PUBLISHED)
        assert record.status == "ok"
        assert max(len(frame.seen) for frame in record.frames) > 1

    def test_dark_clip_is_partial(self, data_dir):
        record = _outcome(data_dir / "dfdc" / "abofeumbvv.mp4", PUBLISHED)
        assert (record.status, record.reason) == ("partial", "no_face")

    def test_a_second_look_finds_more_of_the_dark_clip(self, data_dir):
        path = data_dir / "dfdc" / "abofeumbvv.mp4"
        once, twice = _outcome(path, PUBLISHED), _outcome(path, ExtractConfig())
        assert _frames(twice).count("ok") > _frames(once).count("ok")
        assert any(frame.mirrored for frame in twice.frames)

    def test_portrait_clip_is_upright(self, data_dir):
        record = _outcome(data_dir / "dfdc" / "brtujopkby.mp4", PUBLISHED)
        assert record.status == "ok"
        for frame in record.frames:
            x, y, width, height = frame.seen[0].face.box
            assert x + width <= 1080
            assert y + height <= 1920

    def test_studio_clips_in_mpeg_1(self, data_dir):
        paths = sorted((data_dir / "grid").glob("*.mpg"))
        assert len(paths) == 4
        for path in paths:
            record = _outcome(path, PUBLISHED)
            assert (record.status, _frames(record)) == ("ok", ["ok"] * 3)

    def test_cut_off_clip_is_an_error_as_its_index_is_gone(self, data_dir, tmp_path):
        whole = next((data_dir / "ffpp").rglob("183.mp4")).read_bytes()
        path = tmp_path / "cut.mp4"
        path.write_bytes(whole[: len(whole) // 2])
        record = _outcome(path, PUBLISHED)
        if record.status == "error":
            assert record.reason == "not_a_video"
        else:
            assert record.status == "partial"
            assert record.reason.startswith("truncated")

    def test_flipped_bytes_cost_frames_and_are_told(self, data_dir, tmp_path):
        data = bytearray(next((data_dir / "ffpp").rglob("183.mp4")).read_bytes())
        start = data.index(b"mdat") + 40_000
        for position in np.random.default_rng(0).integers(start, start + 90_000, 60):
            data[position] ^= 0xFF
        path = tmp_path / "flipped.mp4"
        path.write_bytes(data)
        record = _outcome(path, PUBLISHED)
        assert record.status == "partial"
        assert "unreadable" in record.reason
        assert _frames(record)[0] == "ok"


@pytest.mark.parametrize(
    ("statuses", "truncated", "expected"),
    [
        (["ok", "ok"], False, ("ok", "")),
        (["ok", "ok"], True, ("partial", "truncated")),
        (["ok", "no_face", "unreadable"], False, ("partial", "no_face+unreadable")),
        (["ok", "no_face"], True, ("partial", "truncated+no_face")),
        (["no_face", "unreadable"], False, ("no_face", "no_face")),
        (["unreadable"], False, ("error", "undecodable")),
        ([], False, ("error", "undecodable")),
    ],
)
def test_outcome_of_frames(statuses, truncated, expected):
    frames = tuple(FrameRecord(i, i / 25, s) for i, s in enumerate(statuses))
    assert video_outcome(frames, is_truncated=truncated) == expected


class TestDecoderThatIsLost:
    # More frames than fit into a pipe: it is at work when it is lost.
    MANY = QUICK.model_copy(update={"stride": 2, "frames_per_video": 16})

    def _lose(self, monkeypatch, signum, times):
        """Let the detector end the decoder, the first ``times`` times."""
        detector, calls = get_detector("haar"), []
        real = detector.detect

        def detect(frames, min_face_size):
            calls.append(1)
            if len(calls) <= times:
                os.kill(get_decoder().pid, signum)
            return real(frames, min_face_size)

        monkeypatch.setattr(detector, "detect", detect)

    def test_killed_once_by_something_else_it_is_tried_again(self, clips, monkeypatch):
        self._lose(monkeypatch, signal.SIGKILL, 1)
        record = _outcome(next(clips.rglob("000.mp4")), self.MANY)
        assert (record.status, record.reason) == ("ok", "")

    def test_killed_twice_it_is_an_error(self, clips, monkeypatch):
        self._lose(monkeypatch, signal.SIGKILL, 2)
        record = _outcome(next(clips.rglob("000.mp4")), self.MANY)
        assert (record.status, record.reason) == ("error", "decoder_killed")

    def test_crashed_it_is_an_error_and_the_next_video_is_read(
        self, clips, monkeypatch
    ):
        self._lose(monkeypatch, signal.SIGSEGV, 1)
        record = _outcome(next(clips.rglob("000.mp4")), self.MANY)
        assert (record.status, record.reason) == ("error", "decoder_crashed")
        assert "SIGSEGV" in record.detail
        assert _outcome(next(clips.rglob("001.mp4"))).status == "ok"


def test_what_is_known_of_the_file_is_recorded(clips):
    record = _outcome(next(clips.rglob("000.mp4"))).to_json()
    assert (record["num_damaged_packets"], record["num_corrupt_frames"]) == (0, 0)
    assert record["file"] == {
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "has_alpha": False,
        "fps": 25.0,
        "sample_aspect_ratio": "1:1",
        "rotation": 0,
        "is_interlaced": False,
        "duration_s": 33 / 25,
        "is_truncated": False,
    }
