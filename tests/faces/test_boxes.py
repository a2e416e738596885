import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfhpc.faces import boxes as arithmetic
from dfhpc.faces.boxes import by_score, squared, suppress


@st.composite
def candidates(draw):
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = rng.uniform(0, 30, (count, 2))
    found = np.column_stack([low, low + rng.uniform(0, 30, (count, 2))])
    return by_score(np.column_stack([found, rng.uniform(0, 1, count)]))


def _overlap(a, b, method):
    sides = np.maximum(np.minimum(a[2:4], b[2:4]) - np.maximum(a[:2], b[:2]), 0)
    shared = sides[0] * sides[1]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    whole = min(areas) if method == "min" else sum(areas) - shared
    return shared / whole if shared else 0.0


@pytest.mark.parametrize("method", ["union", "min"])
@given(found=candidates(), threshold=st.floats(0.1, 0.9))
def test_what_is_like_a_better_one_goes(found, threshold, method):
    expected = [
        box
        for index, box in enumerate(found)
        if all(_overlap(box, other, method) <= threshold for other in found[:index])
    ]
    kept = suppress(found, threshold, method)
    assert kept.tolist() == [box.tolist() for box in expected]


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 50, (700, 2))
    found = by_score(np.column_stack([low, low + 20, rng.uniform(0, 1, 700)]))
    whole = suppress(found, 0.5, "union")
    monkeypatch.setattr(arithmetic, "CHUNK", 37)
    assert np.array_equal(suppress(found, 0.5, "union"), whole)
    assert 1 < len(whole) < 700


@given(candidates())
def test_squares_keep_their_centers(found):
    made = squared(found)
    sides = made[:, 2:4] - made[:, :2]
    assert np.allclose(sides[:, 0], sides[:, 1])
    assert np.allclose(made[:, :2] + made[:, 2:4], found[:, :2] + found[:, 2:4])
