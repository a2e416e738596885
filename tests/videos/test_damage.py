"""What is damaged is not used, nor what was predicted from it; the rest is."""

import av
import numpy as np
import pytest

from dfhpc.config import ExtractConfig
from dfhpc.errors import VideoReadError
from dfhpc.extraction.video import extract_video
from dfhpc.faces.detector import Detection, get_detector
from dfhpc.videos import decoding
from dfhpc.videos.decoding import read_frames
from tests.videos.made_clips import moving_pictures, write

GOP = 20
NUM_FRAMES = 60

KINDS = [
    ("a.mp4", "libx264", {"x264-params": "bframes=0"}),
    ("a.mp4", "libx264", {"x264-params": "bframes=3:b-adapt=0"}),
    ("a.mkv", "libx264", {"x264-params": "bframes=3:b-adapt=0"}),
    ("a.mp4", "mpeg4", {}),
    ("a.mkv", "mpeg2video", {"bf": "2"}),
]


def _read(path, indices=range(NUM_FRAMES)):
    _, frames = read_frames(path, lambda times_s: list(indices))
    found = list(frames)
    return frames.facts, found


def _damaged(path, first, last, seed=0):
    """Flip bytes in the largest packet of some, in the order of decoding.

    The largest are those to which others refer.
    """
    with av.open(str(path)) as container:
        packets = [(p.size, p.pos) for p in container.demux(video=0) if p.size]
    size, at = max(packets[first : last + 1])
    data = bytearray(path.read_bytes())
    for place in np.random.default_rng(seed).integers(at + size // 2, at + size, 30):
        data[place] ^= 0xFF
    other = path.with_stem("damaged")
    other.write_bytes(data)
    return other


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(map(str, kind[:2])))
def clip(request, tmp_path):
    name, codec, options = request.param
    path = tmp_path / name
    write(path, codec, moving_pictures(NUM_FRAMES), options=options, gop=GOP)
    return path


def test_what_is_given_out_after_damage_is_clean(clip):
    _, clean = _read(clip)
    assert all(frame.pixels is not None for frame in clean)
    noticed = 0
    for seed in range(4):
        facts, frames = _read(_damaged(clip, GOP + 3, GOP + 8, seed))
        # No decoder notices all damage; what it notices must be all that it spoils.
        if facts.num_corrupt_frames:
            noticed += 1
            _assert_clean_or_lost(frames, clean)
    assert noticed >= 2


def _assert_clean_or_lost(frames, clean):
    lost = [frame.index for frame in frames if frame.pixels is None]
    assert 0 < len(lost) < 30
    # Decoders flag one of them, and show its artifacts in those after it.
    for frame, other in zip(frames, clean, strict=True):
        if frame.pixels is not None:
            np.testing.assert_array_equal(frame.pixels, other.pixels)
    # Another group of pictures refers to nothing in this one.
    assert frames[2].pixels is not None
    assert frames[2 * GOP + 5].pixels is not None


def test_a_frame_is_clean_or_not_whatever_else_is_wanted(clip):
    path = _damaged(clip, GOP + 3, GOP + 8)
    _, frames = _read(path)
    for index in (3, GOP + 3, GOP + 6, GOP + 12, 2 * GOP + 1):
        _, alone = _read(path, [index])
        assert (alone[0].pixels is None) == (frames[index].pixels is None)


def test_damage_is_counted_in_the_record(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    options = {"x264-params": "bframes=0"}
    write(path, "libx264", moving_pictures(NUM_FRAMES), options=options, gop=GOP)
    face = [Detection((0, 0, 50, 50), 0.99, None)]
    monkeypatch.setattr(get_detector("haar"), "detect", lambda frames, size: [face])
    extract = ExtractConfig(detector="haar", stride=8)
    record, _ = extract_video("v", _damaged(path, GOP + 2, GOP + 2), extract)
    assert (record.status, record.reason) == ("partial", "unreadable")
    assert record.num_corrupt_frames > 0
    assert [frame.status for frame in record.frames].count("unreadable") == 2
    assert record.to_json()["num_corrupt_frames"] == record.num_corrupt_frames
    # What no sampled frame needs is not decoded, and may be damaged.
    damaged = _damaged(path, 2 * GOP - 2, 2 * GOP - 2)
    record, _ = extract_video("v", damaged, extract)
    assert (record.status, record.num_corrupt_frames) == ("ok", 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, suffix):
    path, other = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write(path, "libx264", pictures := moving_pictures(NUM_FRAMES))
    write(other, "libx264", pictures, pts=[3 * i for i in range(NUM_FRAMES)])

    def choose(times_s):
        path.write_bytes(other.read_bytes())
        return [0, 50]

    _, frames = read_frames(path, choose)
    with pytest.raises(VideoReadError) as caught:
        list(frames)
    assert caught.value.reason == "changed"


def test_groups_without_a_wanted_frame_are_not_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    write(path, "libx264", moving_pictures(NUM_FRAMES), gop=10)
    decoded = []
    real = decoding.Source.decode
    monkeypatch.setattr(
        decoding.Source,
        "decode",
        lambda self, packet: decoded.append(packet) or real(self, packet),
    )
    _read(path, [42])
    packets = [packet for packet in decoded if packet is not None]
    # The first of all, and the group up to the frame.
    assert len(packets) <= 1 + 5
