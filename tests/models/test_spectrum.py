"""Features: what they do not depend on, and what they find."""

import numpy as np
import pytest

from dfhpc.models.spectrum import (
    NUM_RINGS,
    compute_features,
    kv_filter,
    num_columns,
    residual,
    ring_power,
    spectrum,
)

SIDE = 320


def face(seed=0, noise=6.0, size=SIDE):
    """Return a picture that falls off towards high frequencies as faces do."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = np.zeros((size, size))
    for count, down, across in rng.uniform([1, -1, -1], [12, 1, 1], (20, 3)):
        turn = 2 * np.pi * count * (x * across + y * down) + rng.uniform(0, 6)
        waves += rng.uniform(5, 60) / count * np.cos(turn)
    noisy = 128 + waves[..., None] / 3 + rng.normal(0, noise, (size, size, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


KINDS = pytest.mark.parametrize("kind", ["spectrum", "residual"])


@KINDS
def test_a_row_has_the_same_bits_alone_and_among_others(kind):
    rows = np.stack([face(seed).ravel() for seed in range(5)])
    together = compute_features(kind, rows)
    assert together.shape == (5, num_columns(kind))
    assert together.dtype == np.float32
    for i in range(5):
        alone = compute_features(kind, rows[i : i + 1])[0]
        np.testing.assert_array_equal(alone, together[i])
    np.testing.assert_array_equal(compute_features(kind, rows[::-1])[::-1], together)
    assert compute_features(kind, rows[:0]).shape == (0, num_columns(kind))


@KINDS
def test_turned_and_mirrored_faces_have_the_same_features(kind):
    picture = face()
    expected = compute_features(kind, picture.reshape(1, -1))
    turned = [np.rot90(picture, k) for k in (1, 2, 3)]
    for other in [*turned, picture[:, ::-1], picture.transpose(1, 0, 2)]:
        found = compute_features(kind, np.ascontiguousarray(other).reshape(1, -1))
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_spectrum_does_not_see_brightness_nor_contrast():
    plane = np.clip(face()[..., :1] // 4, 10, 60)
    picture = np.repeat(plane, 3, axis=2)
    found = spectrum(picture)
    for other in (picture + 40, 3 * picture, 2 * picture + 20):
        np.testing.assert_allclose(spectrum(other), found, atol=1e-2)


def test_the_residual_sees_how_much_noise_there_is():
    quiet, loud = (residual(face(noise=noise)).mean() for noise in (0.5, 1.0))
    assert 3 < loud - quiet < 7


@pytest.mark.parametrize("variance", [1.0, 25.0])
def test_white_noise_has_its_variance_in_every_ring(variance):
    rng = np.random.default_rng(1)
    planes = rng.normal(0, variance**0.5, (20, SIDE, SIDE))
    power = np.mean([ring_power(plane) for plane in planes], axis=0)
    # The mean logarithm of an exponential variable is Euler's constant below that of
    # its mean; the few coefficients that are real lie lower still.
    expected = 10 * np.log10(variance) - 10 * np.euler_gamma / np.log(10)
    np.testing.assert_allclose(power[:159], expected, atol=1.5)
    assert power[20:159].mean() == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("period", [4, 8])
def test_a_planted_grid_is_a_peak_at_its_frequency(period):
    y, x = 2 * np.pi * np.mgrid[:SIDE, :SIDE] / period
    # The KV filter is blind to what varies in one direction alone.
    grid = np.rint(3 * np.cos(x) * np.cos(y)).astype(np.int16)
    plain = face(noise=1.0)
    planted = np.clip(plain + grid[..., None], 0, 255).astype(np.uint8)
    ring = round(2**0.5 * SIDE / period)
    for kind in ("spectrum", "residual"):
        before, after = (
            compute_features(kind, each.reshape(1, -1))[0] for each in (plain, planted)
        )
        risen = (after - before).reshape(-1, NUM_RINGS)
        for each in risen:
            around = np.median(each[ring - 15 : ring + 15])
            assert each[ring - 1] - around > 0.5, kind


def test_the_size_of_a_face_leaves_a_cutoff():
    """A small face, enlarged, lacks what lies beyond its own resolution."""
    from PIL import Image

    small = Image.fromarray(face(size=80, noise=6.0))
    large = spectrum(np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    own = spectrum(face(noise=6.0))
    assert large[60:120].mean() - large[:30].mean() < -20
    assert own[60:120].mean() - own[:30].mean() > -20


def test_the_truncated_residual_is_no_shifted_spectrum():
    """Of a linear filter it would be: then a residual would be of no use."""
    from dfhpc.models import spectrum as module

    first, second = face(0), face(1)
    inside = slice(30, 150)

    def shift(function):
        gray = [np.repeat(each[..., :1], 3, axis=2) for each in (first, second)]
        one, two = (function(each)[inside] - spectrum(each)[inside] for each in gray)
        return np.ptp(one - two)

    assert shift(lambda each: module.ring_power(kv_filter(each)[..., 0] / 12)) < 1.5
    assert shift(residual) > 2.0


def test_an_empty_picture_has_features():
    empty = np.zeros((1, SIDE * SIDE * 3), np.uint8)
    assert np.ptp(compute_features("spectrum", empty)) == 0
    assert np.isfinite(compute_features("residual", empty)).all()


def test_the_filter_is_the_published_one():
    from scipy.ndimage import correlate

    kernel = np.array(
        [
            [-1, 2, -2, 2, -1],
            [2, -6, 8, -6, 2],
            [-2, 8, -12, 8, -2],
            [2, -6, 8, -6, 2],
            [-1, 2, -2, 2, -1],
        ]
    )
    picture = face(noise=60.0)
    expected = correlate(picture.astype(int), kernel[..., None], mode="mirror")
    np.testing.assert_array_equal(kv_filter(picture), expected)
