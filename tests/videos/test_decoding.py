import fractions

import av
import cv2
import numpy as np
import pytest

from dfhpc.demo.clips import fake_frames, write_clip
from dfhpc.errors import VideoReadError
from dfhpc.videos.decoding import read_frames


def _at(*indices):
    return lambda times_s: [index for index in indices if index < len(times_s)]


def _read(path, *indices):
    facts, frames = read_frames(path, _at(*indices))
    return facts, list(frames)


def _opencv(path, indices):
    """Read as the published work did: every frame to the end."""
    capture, frames, index = cv2.VideoCapture(str(path)), {}, 0
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames, index
        if index in indices:
            frames[index] = frame[:, :, ::-1]
        index += 1


def _ffpp_clips(data_dir):
    return sorted((data_dir / "ffpp").rglob("*.mp4"))


def _of_each_method_and_size(clips):
    found = {}
    for path in clips:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            found[path.parts[-4], stream.width, stream.height] = path
    return found.values()


@pytest.mark.slow
def test_frames_of_ffpp_equal_opencv_byte_for_byte(data_dir):
    indices = [0, 1, 30, 60, 97, 150, 180]
    clips = _ffpp_clips(data_dir)
    assert len(clips) == 30
    for path in _of_each_method_and_size(clips):
        facts, frames = _read(path, *indices)
        expected, count = _opencv(path, indices)
        assert facts.num_frames == count
        assert [frame.index for frame in frames] == sorted(expected)
        for frame in frames:
            np.testing.assert_array_equal(frame.pixels, expected[frame.index])


def test_other_real_clips_equal_opencv(data_dir):
    paths = [
        *sorted((data_dir / "dfdc").glob("*.mp4")),
        data_dir / "several_people.mp4",
    ]
    for path in [*paths, *sorted((data_dir / "grid").glob("*.mpg"))]:
        facts, frames = _read(path, 0, 7, 41, 70)
        expected, count = _opencv(path, [0, 7, 41, 70])
        assert facts.num_frames == count
        for frame in frames:
            np.testing.assert_array_equal(frame.pixels, expected[frame.index])


def test_the_last_frame_and_every_frame_are_found(data_dir):
    path = _ffpp_clips(data_dir)[0]
    facts, frames = _read(path, *range(5000))
    assert [frame.index for frame in frames] == list(range(facts.num_frames))
    assert all(frame.pixels is not None for frame in frames)
    _, last = _read(path, facts.num_frames - 1)
    np.testing.assert_array_equal(last[0].pixels, frames[-1].pixels)


def test_times_are_those_of_the_container(clips):
    _, frames = _read(next(clips.rglob("000.mp4")), 0, 1, 25)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 1.0])


def _write(path, codec, pictures, *, pix_fmt="yuv420p", pts=None, options=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fractions.Fraction(25))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.options = options or {}
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[index], fractions.Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _pictures(count, height=96, width=128):
    """Return pictures that say their number in their brightness."""
    return [np.full((height, width, 3), 20 + 5 * i, np.uint8) for i in range(count)]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mkv", "libx264", "yuv444p"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mp4", "libsvtav1", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.avi", "libx264", "yuv420p"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
    ],
)
def test_codecs_and_containers_give_the_right_frames(tmp_path, name, codec, pix_fmt):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    _write(tmp_path / name, codec, _pictures(40), pix_fmt=pix_fmt)
    facts, frames = _read(tmp_path / name, 0, 13, 26, 39)
    assert facts.num_frames == 40
    assert [frame.index for frame in frames] == [0, 13, 26, 39]
    means = [frame.pixels.mean() for frame in frames]
    assert means == pytest.approx([20, 85, 150, 215], abs=5)


def test_a_grey_video_gives_three_equal_channels(tmp_path):
    _write(tmp_path / "grey.mp4", "libx264", _pictures(5), pix_fmt="gray")
    _, frames = _read(tmp_path / "grey.mp4", 2)
    assert frames[0].pixels.shape == (96, 128, 3)
    assert np.ptp(frames[0].pixels.astype(int), axis=2).max() == 0


def test_variable_frame_rate_keeps_its_times(tmp_path):
    pts = [0, 1, 2, 50, 51, 100]
    _write(tmp_path / "v.mkv", "libx264", _pictures(6), pts=pts)
    _, frames = _read(tmp_path / "v.mkv", *range(6))
    expected = [value / 25 for value in pts]
    assert [frame.time_s for frame in frames] == pytest.approx(expected, abs=2e-3)


def test_rotation_is_applied_as_opencv_does(tmp_path, clips):
    upright = next(clips.rglob("000.mp4"))
    rotated = tmp_path / "rotated.mp4"
    rotated.write_bytes(_with_rotation(upright.read_bytes()))
    _, frames = _read(rotated, 0, 9)
    expected, _ = _opencv(rotated, [0, 9])
    _, plain = _read(upright, 0)
    assert not np.array_equal(frames[0].pixels, plain[0].pixels)
    for frame in frames:
        np.testing.assert_array_equal(frame.pixels, expected[frame.index])


def _with_rotation(data: bytes) -> bytes:
    """Return an MP4 whose track header asks for a quarter turn."""
    at = data.index(b"tkhd") + 4 + 40
    one, none = (0x00010000).to_bytes(4, "big"), (0).to_bytes(4, "big")
    minus, w = (0xFFFF0000).to_bytes(4, "big"), (0x40000000).to_bytes(4, "big")
    matrix = b"".join([none, one, none, minus, none, none, none, none, w])
    return data[:at] + matrix + data[at + 36 :]


def test_one_frame(tmp_path):
    write_clip(tmp_path / "one.mp4", fake_frames(1, 2, "FaceSwap", 1))
    facts, frames = _read(tmp_path / "one.mp4", 0, 30)
    assert facts.num_frames == 1
    assert [frame.index for frame in frames] == [0]


def _audio_only(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 44100), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def broken(tmp_path, clips):
    """Return a function that makes a broken file by name."""
    whole = next(clips.rglob("000.mp4")).read_bytes()

    def make(kind):
        path = tmp_path / f"{kind}.mp4"
        if kind == "audio":
            _audio_only(path)
        elif kind == "folder":
            path.mkdir()
        elif kind != "absent":
            contents = {
                "empty": b"",
                "text": b"this is no video\n" * 100,
                "half": whole[: len(whole) // 2],
                "header": whole[:40],
                "zeros": bytes(5000),
            }
            path.write_bytes(contents[kind])
        return path

    return make


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("absent", "missing"),
        ("folder", "not_a_file"),
        ("empty", "empty"),
        ("text", "not_a_video"),
        ("half", "not_a_video"),
        ("header", "not_a_video"),
        ("zeros", "not_a_video"),
        ("audio", "no_video_stream"),
    ],
)
def test_what_is_no_video_says_why(broken, kind, reason):
    with pytest.raises(VideoReadError) as caught:
        _read(broken(kind), 0)
    assert caught.value.reason == reason


def _faststart(source, target):
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", options={"movflags": "faststart"}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)


def test_a_file_cut_off_behind_its_index_is_known_to_be(tmp_path, clips):
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    _faststart(next(clips.rglob("000.mp4")), whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 9 // 10])
    facts, _ = _read(whole, 0)
    assert not facts.is_truncated
    facts, frames = _read(cut, 0, 4, 32)
    assert facts.is_truncated
    assert facts.num_frames < 33
    assert frames[0].pixels is not None


def test_flipped_bytes_cost_damaged_frames_only(tmp_path, data_dir):
    source = _ffpp_clips(data_dir)[0]
    data = bytearray(source.read_bytes())
    start = data.index(b"mdat") + 40_000
    rng = np.random.default_rng(0)
    for position in rng.integers(start, start + 100_000, 60):
        data[position] ^= 0xFF
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    _, frames = _read(damaged, *range(400))
    _, clean = _read(source, *range(400))
    lost = [frame.index for frame in frames if frame.pixels is None]
    assert 0 < len(lost) < len(frames)
    assert [frame.index for frame in frames] == [frame.index for frame in clean]
    np.testing.assert_array_equal(frames[0].pixels, clean[0].pixels)
