"""Pictures and clips made worse: by nothing at level nothing, and by ever more."""

import av
import numpy as np
import pytest

from dfhpc.demo.clips import real_frames
from dfhpc.errors import VideoReadError
from dfhpc.videos.reencoding import can_encode, reencode
from dfhpc.videos.worsening import as_jpeg, blurred, noisy, scaled

PICTURE = next(iter(real_frames(1, 1)))

CHANGES = {
    "jpeg": (as_jpeg, (90, 70, 50, 30, 10)),
    "scale": (scaled, (2 / 3, 1 / 2, 1 / 3, 1 / 4)),
    "blur": (blurred, (0.5, 1, 2, 3)),
    "noise": (lambda pixels, sigma: noisy(pixels, sigma, (1, 2)), (2, 5, 10, 20)),
}


def error(before, after):
    return float(((before.astype(float) - after) ** 2).mean())


@pytest.mark.parametrize("name", CHANGES)
def test_a_worse_level_is_further_from_the_picture(name):
    change, levels = CHANGES[name]
    kept = PICTURE.copy()
    errors = []
    for level in levels:
        worse = change(PICTURE, level)
        assert worse.shape == PICTURE.shape
        assert worse.dtype == np.uint8
        np.testing.assert_array_equal(worse, change(PICTURE, level))
        errors.append(error(PICTURE, worse))
    np.testing.assert_array_equal(PICTURE, kept)
    assert errors[0] > 0
    assert errors == sorted(errors)
    assert len(set(errors)) == len(errors)


def test_level_nothing_changes_nothing():
    for same in (scaled(PICTURE, 1), blurred(PICTURE, 0), noisy(PICTURE, 0, (1,))):
        np.testing.assert_array_equal(same, PICTURE)
        assert same is not PICTURE


def test_noise_is_that_of_its_seed_and_as_strong_as_said():
    gray = np.full((200, 200, 3), 128, np.uint8)
    one, other = noisy(gray, 10, (1, 0)), noisy(gray, 10, (1, 1))
    assert error(one, other) > 100
    assert np.std(one.astype(float)) == pytest.approx(10, rel=0.02)


def test_tiny_pictures_survive():
    tiny = np.full((1, 2, 3), 7, np.uint8)
    assert scaled(tiny, 0.25).shape == as_jpeg(tiny, 10).shape == tiny.shape


def _read(path):
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [frame.to_ndarray(format="rgb24") for frame in frames]


def test_encoded_again_with_a_higher_crf_is_worse(tmp_path):
    if not can_encode():
        pytest.skip("this PyAV has no libx264")
    frames = list(real_frames(1, 12))
    paths = {crf: tmp_path / f"{crf}.mp4" for crf in (18, 23, 30, 40)}
    reencode(iter(frames), paths, 25.0)
    errors = []
    for path in paths.values():
        found = _read(path)
        assert len(found) == len(frames)
        errors.append(np.mean(list(map(error, frames, found))))
    assert errors == sorted(errors)
    assert errors[0] < errors[-1] / 3
    again = tmp_path / "again.mp4"
    reencode(iter(frames), {30: again}, 25.0)
    assert again.read_bytes() == paths[30].read_bytes()


def test_odd_sizes_are_padded_and_changing_ones_refused(tmp_path):
    if not can_encode():
        pytest.skip("this PyAV has no libx264")
    odd = [frame[:95, :127] for frame in real_frames(1, 2)]
    reencode(odd, {23: tmp_path / "odd.mp4"}, None)
    assert _read(tmp_path / "odd.mp4")[0].shape == (96, 128, 3)
    with pytest.raises(VideoReadError, match="change from"):
        reencode([odd[0], odd[1][:90]], {23: tmp_path / "x.mp4"}, None)
