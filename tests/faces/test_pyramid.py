import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfhpc.faces.mtcnn_weights import read_network
from dfhpc.faces.pnet import PNet, shrink
from dfhpc.faces.pyramid import CELL, area_axis, pyramid, scales


@given(st.integers(12, 3000), st.data())
def test_each_small_pixel_is_an_average_of_what_it_covers(length, data):
    small = data.draw(st.integers(1, length))
    axis = area_axis(length, small)
    assert np.allclose(axis.weights.sum(1), 1, atol=1e-5)
    assert axis.first[0] == 0
    assert (axis.first + axis.count).max() == length
    # Every pixel of the frame counts as much as any other.
    seen = np.zeros(length)
    for first, count, weights in zip(axis.first, axis.count, axis.weights, strict=True):
        seen[first : first + count] += weights[:count]
    assert np.allclose(seen, small / length, atol=1e-5)


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(20, 400))
def test_every_level_is_large_enough_for_the_network(height, width, size):
    found = scales(height, width, size)
    assert all(int(min(height, width) * scale) >= CELL for scale in found)
    # A face of the smallest size fills a cell of the first level, or is larger there.
    assert not found or CELL <= found[0] * size * (1 + 1e-9) < CELL / 0.7


@pytest.mark.parametrize("shape", [(45, 67), (60, 40), (31, 200)])
def test_a_level_is_the_frame_made_smaller(shape):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    pnet = PNet(read_network("pnet"))
    for level in pyramid(*shape, 20):
        expected = np.einsum(
            "yh,xw,hwc->cyx", _matrix(level.rows, shape[0]),
            _matrix(level.columns, shape[1]), frame.astype(float),
        )  # fmt: skip
        for strip in pnet.strips(level):
            planes = shrink(frame, strip)
            first, count = 2 * strip.first, planes.shape[2]
            for parity in range(2):
                want = expected[:, first : first + count, parity::2]
                got = planes[parity, :, :, : want.shape[2]]
                assert np.allclose(got, want, atol=0.01)


def _matrix(axis, length):
    matrix = np.zeros((len(axis.first), length))
    for row, (first, count) in enumerate(zip(axis.first, axis.count, strict=True)):
        matrix[row, first : first + count] = axis.weights[row, :count]
    return matrix
