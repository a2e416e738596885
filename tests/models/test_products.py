import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfhpc.models import products
from dfhpc.models.products import MAX_COLUMNS, PRODUCTS, ZERO, best_product


def expected(pixels, other):
    return (pixels.astype(np.int64) - ZERO) @ other.astype(np.int64)


@pytest.mark.parametrize("name", ["float32", "unsigned"])
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 2100), st.integers(1, 20)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=20, deadline=None)
def test_products_are_exact(name, shape, seed):
    rng = np.random.default_rng(seed)
    rows, columns, others = shape
    pixels = rng.integers(0, 256, (rows, columns), np.uint8)
    other = rng.integers(-128, 128, (columns, others), np.int8)
    found = PRODUCTS[name](pixels, other)
    assert np.array_equal(found, expected(pixels, other))


@pytest.mark.parametrize(("pixel", "byte"), [(0, -128), (0, 127), (255, -128)])
def test_the_largest_sums_fit(pixel, byte):
    pixels = np.full((2, MAX_COLUMNS), pixel, np.uint8)
    other = np.full((MAX_COLUMNS, 3), byte, np.int8)
    product = best_product()[1]
    assert np.array_equal(product(pixels, other), expected(pixels, other))


def test_a_product_that_saturates_is_passed_over(monkeypatch):
    """As ONNX Runtime does without VNNI: pairs of products clipped to 16 bits."""

    def saturating(pixels, other):
        total = np.zeros((len(pixels), other.shape[1]), np.int64)
        for start in range(0, pixels.shape[1], 2):
            left = pixels[:, start : start + 2].astype(np.int64)
            pair = left @ other[start : start + 2].astype(np.int64)
            total += np.clip(pair, -(2**15), 2**15 - 1)
        return (total - ZERO * other.sum(axis=0, dtype=np.int64)).astype(np.int32)

    chosen = {"byte": saturating} | {
        name: PRODUCTS[name] for name in ("unsigned", "float32")
    }
    monkeypatch.setattr(products, "PRODUCTS", chosen)
    name, _ = best_product.__wrapped__()
    assert name == "unsigned"
