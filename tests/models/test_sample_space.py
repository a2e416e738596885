import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfhpc.models.sample_space import fit_logistic, fit_ridge


def problem(seed, rows=40, columns=90):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, columns)) + rng.normal(size=columns)
    signs = np.where(features[:, 0] + rng.normal(0, 1, rows) > 0, 1.0, -1.0)
    signs[:2] = [1, -1]
    return features, signs, rng.uniform(0.2, 3, rows)


@given(seed=st.integers(0, 1000), cost=st.sampled_from([1e-6, 1e-2, 1.0, 1e4]))
@settings(max_examples=25, deadline=None)
def test_logistic_gradient_vanishes(seed, cost):
    features, signs, weights = problem(seed)
    fit = fit_logistic(
        features @ features.T,
        signs,
        cost * weights,
        tolerance=1e-9,
        max_iterations=60,
    )
    primal = features.T @ fit.dual
    margins = signs * (features @ primal + fit.intercept)
    pull = signs * cost * weights / (1 + np.exp(margins))
    assert np.abs(primal - features.T @ pull).max() <= 1e-6 * np.abs(primal).max()
    assert abs(pull.sum()) <= 1e-6 * np.abs(pull).sum()


@given(seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_ridge_solves_the_normal_equations(seed):
    features, signs, weights = problem(seed)
    fit = fit_ridge(features @ features.T, signs, weights, alpha=3.0)
    primal = features.T @ fit.dual
    error = weights * (signs - features @ primal - fit.intercept)
    np.testing.assert_allclose(features.T @ error, 3.0 * primal, atol=1e-8)
    assert error.sum() == pytest.approx(0, abs=1e-8)


def test_inputs_are_left_as_they_were():
    features, signs, weights = problem(1)
    products = features @ features.T
    before = products.copy()
    fit_ridge(products, signs, weights, alpha=1.0)
    fit_logistic(products, signs, weights, tolerance=1e-6, max_iterations=50)
    assert np.array_equal(products, before)
