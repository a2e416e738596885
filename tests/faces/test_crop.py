import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dfhpc.faces.crop import crop_face, square_box


def _frame(height=120, width=200):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_plain_is_a_cut_and_a_resize_without_keeping_the_aspect():
    frame = _frame()
    face = crop_face(frame, (10, 20, 50, 80), "plain", 0.3)
    expected = Image.fromarray(frame[20:100, 10:60]).resize((320, 320))
    np.testing.assert_array_equal(face, np.asarray(expected))
    assert face.dtype == np.uint8


def test_square_keeps_the_aspect_and_takes_a_margin():
    frame = _frame()
    face = crop_face(frame, (80, 40, 20, 40), "square", 0.5)
    cut = frame[30:90, 60:120]
    expected = Image.fromarray(cut).resize((320, 320))
    np.testing.assert_array_equal(face, np.asarray(expected))


@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.data(),
    st.floats(0, 2),
)
def test_square_box_is_a_square_inside_the_frame(width, height, data, margin):
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (
        x,
        y,
        data.draw(st.integers(1, width - x)),
        data.draw(st.integers(1, height - y)),
    )
    left, top, side, other = square_box(box, margin, width, height)
    assert side == other > 0
    assert 0 <= left <= width - side
    assert 0 <= top <= height - side


@pytest.mark.parametrize("kind", ["plain", "square"])
def test_one_pixel_at_the_corner_still_gives_a_face(kind):
    assert crop_face(_frame(), (199, 119, 1, 1), kind, 0.0).shape == (320, 320, 3)
