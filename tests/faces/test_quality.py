"""Measures of a face say what they are named for."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dfhpc.faces.quality import BLUR_SIDE, face_quality

BOX = (10, 20, 90, 120)


def picture(seed=0):
    """Return a picture with detail at many scales."""
    rng = np.random.default_rng(seed)
    total = np.zeros((320, 320, 3))
    for side in (5, 10, 20, 40, 80, 160, 320):
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
        total += np.asarray(noise.resize((320, 320), Image.Resampling.BICUBIC), float)
    return (total / 7).astype(np.uint8)


def blurred(face, radius):
    return np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(radius)))


def test_values_are_those_of_opencv():
    import cv2

    face = picture()
    gray = face @ np.array([0.299, 0.587, 0.114])
    small = cv2.resize(gray, (BLUR_SIDE, BLUR_SIDE), interpolation=cv2.INTER_AREA)
    expected = cv2.Laplacian(small, cv2.CV_64F)[1:-1, 1:-1].var()
    found = face_quality(face, BOX)
    assert found.blur == pytest.approx(expected, rel=1e-9)
    assert found.brightness == pytest.approx(gray.mean())
    assert found.size_px == 90


def test_the_more_blurred_the_lower():
    found = [face_quality(blurred(picture(), r), BOX).blur for r in (0, 2, 4, 8, 16)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 50 * found[-1]


def test_a_smaller_picture_of_the_same_face_is_about_as_sharp():
    face = blurred(picture(), 3)
    small = Image.fromarray(face).resize((100, 100), Image.Resampling.LANCZOS)
    enlarged = np.asarray(small.resize((320, 320), Image.Resampling.BICUBIC))
    whole = face_quality(face, BOX).blur
    assert face_quality(enlarged, BOX).blur == pytest.approx(whole, rel=0.2)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_plain_picture_has_no_detail(value):
    found = face_quality(np.full((320, 320, 3), value, np.uint8), BOX)
    assert (found.blur, found.brightness) == (0.0, value)
