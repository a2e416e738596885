"""What cameras, phones, editors and the web make of a video: read right, and noted."""

import fractions

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from dfhpc.config import ExtractConfig
from dfhpc.extraction.reading import read_again
from dfhpc.extraction.video import extract_video
from dfhpc.faces.detector import Detection, get_detector
from dfhpc.videos.decoding import read_frames
from dfhpc.videos.frames import LARGEST_SHOWN, ReadOptions
from tests.videos.made_clips import (
    moving_pictures,
    pictures,
    remux,
    with_rotation,
    write,
)


def _read(path, *indices, options=None):
    _, frames = read_frames(
        path, lambda times_s: [i for i in indices if i < len(times_s)], options
    )
    found = list(frames)
    return frames.facts, found


def _means(frames):
    return [frame.pixels.mean() for frame in frames]


def _opencv(path):
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1][:, :, ::-1])
    return frames


KINDS = [
    ("a.mkv", "libx265", "yuv420p", 8),
    ("a.mp4", "libx265", "yuv422p10le", 10),
    ("a.mp4", "libsvtav1", "yuv420p10le", 10),
    ("a.webm", "libvpx-vp9", "yuv444p", 8),
    ("a.webm", "libvpx", "yuv420p", 8),
    ("a.mp4", "libx264", "yuv444p", 8),
    ("a.mp4", "libx264", "yuv420p10le", 10),
    ("a.mov", "prores_ks", "yuv422p10le", 10),
    ("a.mkv", "ffv1", "gray16le", 16),
    ("a.mp4", "mpeg4", "yuv420p", 8),
    ("a.ts", "mpeg2video", "yuv420p", 8),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "bits"), KINDS)
def test_codec_depth_and_pixel_format(tmp_path, name, codec, pix_fmt, bits):
    write(tmp_path / name, codec, pictures(40), pix_fmt=pix_fmt)
    facts, frames = _read(tmp_path / name, 0, 13, 26, 39)
    assert (facts.num_frames, facts.bit_depth) == (40, bits)
    assert facts.pixel_format == pix_fmt
    assert _means(frames) == pytest.approx([20, 85, 150, 215], abs=5)
    assert facts.fps == pytest.approx(25)
    assert (facts.num_damaged_packets, facts.num_corrupt_frames) == (0, 0)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.mkv", "ffv1", "bgr0"), ("a.mp4", "libx264", "yuv444p")],
)
def test_odd_sizes(tmp_path, name, codec, pix_fmt):
    shown = moving_pictures(12, height=97, width=131)
    write(tmp_path / name, codec, shown, pix_fmt=pix_fmt, options={"qp": "0"})
    facts, frames = _read(tmp_path / name, 0, 11)
    assert (facts.width, facts.height) == (131, 97)
    for frame, at in zip(frames, (0, 11), strict=True):
        assert frame.pixels.shape == (97, 131, 3)
        assert np.abs(frame.pixels.astype(int) - shown[at]).max() <= 3


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.mkv", "ffv1", "bgra"),
    ],
)
def test_colors_under_transparency_are_those_stored(tmp_path, name, codec, pix_fmt):
    alpha = np.full((96, 128, 1), 128, np.uint8)
    shown = [np.concatenate([picture, alpha], axis=2) for picture in pictures(10)]
    write(tmp_path / name, codec, shown, pix_fmt=pix_fmt)
    facts, frames = _read(tmp_path / name, 0, 9)
    assert facts.has_alpha
    assert _means(frames) == pytest.approx([20, 65], abs=5)


def test_an_animated_gif(tmp_path):
    write(tmp_path / "a.gif", "gif", pictures(20), pix_fmt="rgb8")
    facts, frames = _read(tmp_path / "a.gif", 0, 10, 19)
    assert (facts.codec, facts.num_frames) == ("gif", 20)
    assert frames[0].pixels.shape == (96, 128, 3)
    means = _means(frames)
    assert means == sorted(means)
    assert means[2] - means[0] > 60


def test_cover_art_is_no_video(tmp_path):
    write(tmp_path / "film.mp4", "libx264", pictures(30))
    write(tmp_path / "cover.mov", "png", moving_pictures(1, 600, 800), pix_fmt="rgb24")
    art = {"at0": Disposition.attached_pic}
    both = [tmp_path / "cover.mov", tmp_path / "film.mp4"]
    remux(both, tmp_path / "both.mp4", **art)
    with av.open(str(tmp_path / "both.mp4")) as container:
        assert len(container.streams.video) == 2
    facts, frames = _read(tmp_path / "both.mp4", 0, 20)
    assert (facts.codec, facts.num_frames) == ("h264", 30)
    assert _means(frames) == pytest.approx([20, 120], abs=5)


def test_the_largest_of_several_streams_is_taken(tmp_path):
    write(tmp_path / "small.mp4", "libx264", pictures(30, 48, 64))
    write(tmp_path / "large.mp4", "libx264", moving_pictures(30, 192, 256))
    both = [tmp_path / "small.mp4", tmp_path / "large.mp4"]
    remux(both, tmp_path / "both.mkv")
    facts, frames = _read(tmp_path / "both.mkv", 0, 20)
    assert (facts.width, facts.num_frames) == (256, 30)
    assert frames[1].pixels.shape == (192, 256, 3)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_all_turns_of_a_telephone(tmp_path, degrees):
    path = tmp_path / "turned.mp4"
    write(path, "libx264", moving_pictures(5))
    path.write_bytes(with_rotation(path.read_bytes(), degrees))
    facts, frames = _read(path, 0, 4)
    expected = _opencv(path)
    for frame, at in zip(frames, (0, 4), strict=True):
        np.testing.assert_array_equal(frame.pixels, expected[at])
        assert (frame.height, frame.width) == frame.pixels.shape[:2]
    assert facts.rotation == -degrees % 360
    assert (facts.width, facts.height) == (128, 96)


def test_pixels_that_are_no_squares_are_left_as_stored_and_noted(tmp_path):
    path = tmp_path / "wide.mp4"
    shape = fractions.Fraction(64, 45)
    write(path, "libx264", moving_pictures(5), sample_aspect_ratio=shape)
    facts, frames = _read(path, 4)
    assert facts.sample_aspect_ratio == "64:45"
    assert frames[0].pixels.shape == (96, 128, 3)
    np.testing.assert_array_equal(frames[0].pixels, _opencv(path)[4])


def test_interlaced_is_left_as_stored_and_noted(tmp_path):
    path = tmp_path / "fields.ts"
    interlaced = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    write(path, "libx264", moving_pictures(10), options=interlaced)
    facts, frames = _read(path, 0, 9)
    assert facts.is_interlaced
    # OpenCV 4.14 gives one picture for all frames here.
    assert np.abs(frames[1].pixels.astype(int) - moving_pictures(10)[9]).mean() < 25
    write(tmp_path / "whole.ts", "libx264", moving_pictures(10))
    assert not _read(tmp_path / "whole.ts", 0)[0].is_interlaced


@pytest.fixture(scope="module")
def eight_k(tmp_path_factory):
    path = tmp_path_factory.mktemp("8k") / "8k.mp4"
    smooth = (7680, 4320)
    picture = cv2.resize(moving_pictures(1, 128, 256)[0], smooth)
    options = {"preset": "ultrafast", "crf": "40"}
    write(path, "libx264", [picture, picture], options=options)
    return path


def test_8k_is_scaled_down_by_means(eight_k):
    facts, frames = _read(eight_k, 1)
    picture = _every_frame(eight_k)[1]
    assert (facts.width, facts.height) == (7680, 4320)
    rows, columns, _ = frames[0].pixels.shape
    assert rows * columns <= LARGEST_SHOWN
    assert frames[0].scale == pytest.approx((1.875, 1.875), rel=1e-3)
    expected = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    assert np.abs(frames[0].pixels.astype(int) - expected).mean() < 2


def test_faces_of_8k_are_recorded_where_they_are_in_the_file(eight_k, monkeypatch):
    def find(frames, min_face_size):
        rows, columns = frames[0].shape[:2]
        box = (columns // 2, rows // 2, columns // 2, rows // 2)
        return [[Detection(box, 0.99, ((columns / 2, rows / 2),) * 5)]]

    monkeypatch.setattr(get_detector("haar"), "detect", find)
    record, faces = extract_video("v", eight_k, ExtractConfig(detector="haar"))
    assert record.status == "ok"
    assert faces[0].shape == (320, 320, 3)
    face = record.frames[0].seen[0].face
    assert face.box == pytest.approx((3840, 2160, 3840, 2160), abs=2)
    assert face.landmarks[0] == pytest.approx((3840, 2160), abs=2)


EXACT = [
    ("a.mp4", "libx264", {}),
    ("a.mkv", "libx264", {"x264-params": "open-gop=1:bframes=3"}),
    ("a.ts", "libx264", {"x264-params": "open-gop=1:bframes=3"}),
    ("a.mp4", "libx264", {"x264-params": "intra-refresh=1"}),
    ("a.mp4", "libx265", {"x265-params": "log-level=0:open-gop=1:bframes=4"}),
    ("a.mkv", "libx265", {"x265-params": "log-level=0:open-gop=0"}),
    ("a.webm", "libvpx-vp9", {"deadline": "realtime"}),
    ("a.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "10"}),
    ("a.mp4", "libsvtav1", {"preset": "12"}),
    ("a.mp4", "mpeg4", {"bf": "2"}),
    ("a.ts", "mpeg2video", {"bf": "2"}),
    ("a.mov", "prores_ks", {}),
    ("a.mpg", "mpeg1video", {"bf": "2"}),
    ("a.avi", "mpeg4", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), EXACT)
def test_what_is_left_out_changes_no_frame(tmp_path, name, codec, options):
    """GOPs that hold nothing wanted are not decoded, and the rest is the same."""
    path = tmp_path / name
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    write(path, codec, moving_pictures(80), pix_fmt=pix_fmt, options=options, gop=12)
    every = _every_frame(path)
    assert len(every) == 80
    for wanted in [(0, 30, 60), (47,), (11, 12, 13, 71), (23, 24, 79), range(80)]:
        facts, frames = _read(path, *wanted)
        assert facts.num_corrupt_frames == facts.num_damaged_packets == 0
        for frame in frames:
            np.testing.assert_array_equal(frame.pixels, every[frame.index])


def _every_frame(path):
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


@pytest.mark.parametrize(("name", "codec", "options"), EXACT[:9])
def test_keyframes_come_with_their_true_number_and_time(tmp_path, name, codec, options):
    path = tmp_path / name
    write(path, codec, moving_pictures(80), options=options, gop=12)
    every = _every_frame(path)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    times = sorted(packet.pts for packet in packets)
    keys = sorted(times.index(p.pts) for p in packets if p.is_keyframe)
    assert len(keys) > 5
    _, frames = read_frames(
        path, lambda times_s: list(range(len(times_s))), ReadOptions(True)
    )
    found = list(frames)
    assert [frame.index for frame in found] == keys
    for frame in found:
        assert frame.time_s == pytest.approx(frame.index / 25, abs=2e-3)
        np.testing.assert_array_equal(frame.pixels, every[frame.index])


def test_the_policy_keyframes_spreads_over_the_keyframes(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    write(path, "libx264", moving_pictures(80), gop=10)
    monkeypatch.setattr(get_detector("haar"), "detect", lambda frames, size: [[]])
    extract = ExtractConfig(detector="haar", policy="keyframes", frames_per_video=3)
    record, _ = extract_video("v", path, extract)
    assert [frame.frame_index for frame in record.frames] == [0, 40, 70]
    assert not record.is_cut
    assert [
        frame.index for frame in read_again(path, (), lambda _: [1, 45], extract)
    ] == [1, 45]
