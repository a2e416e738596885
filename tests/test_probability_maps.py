"""Maps from scores to probabilities against what is known of them."""

import json

import numpy as np
import pytest

from dfhpc.probability_maps import (
    EDGE,
    GRID,
    ProbabilityMap,
    fit_isotonic,
    fit_platt,
    logit,
)


def drawn(num, slope=2.0, intercept=0.5, seed=0):
    """Return scores, and labels that are fake with a known probability."""
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-rng.normal(0, 1, num)))
    chances = 1 / (1 + np.exp(-(slope * logit(scores) + intercept)))
    return (rng.random(num) < chances).astype(np.int8), scores


def test_platt_finds_the_function_that_labels_were_drawn_by():
    found = fit_platt(*drawn(20_000)).parameters
    assert found["slope"] == pytest.approx(2.0, abs=0.1)
    assert found["intercept"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("num", [20, 300])
def test_platt_is_the_least_of_its_loss(num):
    from scipy.optimize import minimize

    labels, scores = drawn(num, seed=num)
    fakes, reals = int(labels.sum()), int((labels == 0).sum())
    aims = np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))

    def loss(line):
        decision = line[0] * logit(scores) + line[1]
        return (np.logaddexp(0, decision) - aims * decision).sum()

    best = minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9})
    found = fit_platt(labels, scores).parameters
    assert [found["slope"], found["intercept"]] == pytest.approx(best.x, abs=1e-4)


def test_platt_of_separated_classes_is_no_certainty():
    labels = np.repeat(np.array([0, 1], np.int8), 10)
    scores = np.repeat([0.0, 1.0], 10)
    low, high = fit_platt(labels, scores).apply(np.array([0.0, 1.0]))
    # Ten of each, aimed at as if there were one more of the other class.
    assert (low, high) == pytest.approx((1 / 12, 11 / 12), abs=1e-3)


@pytest.mark.parametrize("scores", [np.linspace(1, 0, 30), np.full(30, 0.4)])
def test_scores_that_say_nothing_give_the_share_of_fakes(scores):
    labels = np.repeat(np.array([0, 1], np.int8), [10, 20])
    found = fit_platt(labels, scores)
    assert found.parameters["slope"] == 0
    assert found.apply(np.array([0.1, 0.9])) == pytest.approx([2 / 3] * 2, abs=0.03)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_maps_never_fall_and_survive_json(fit):
    labels, scores = drawn(1200, seed=3)
    found = fit(labels, scores)
    again = ProbabilityMap.from_json(json.loads(json.dumps(found.to_json())))
    every = np.concatenate([[0.0, 1.0], np.linspace(0, 1, 501)])
    values = again.apply(np.sort(every))
    np.testing.assert_array_equal(values, found.apply(np.sort(every)))
    assert (np.diff(values) >= 0).all()
    assert (values > 0).all()
    assert (values < 1).all()


def test_isotonic_is_near_the_truth():
    found = fit_isotonic(*drawn(20_000, seed=5))
    scores = np.linspace(0.1, 0.9, 9)
    truth = 1 / (1 + np.exp(-(2 * logit(scores) + 0.5)))
    assert found.apply(scores) == pytest.approx(truth, abs=0.05)


def test_an_interval_holds_its_value():
    interval = {"low": [0.4] * len(GRID), "high": [0.5] * len(GRID)}
    known = {"slope": 1.0, "intercept": 0.0, "interval": interval}
    found = ProbabilityMap("platt", known).probability(0.7)
    assert found["value"] == pytest.approx(0.7)
    assert found["interval_95"] == pytest.approx([0.4, 0.7])
    low = ProbabilityMap("platt", known).probability(0.0)
    assert low["interval_95"] == pytest.approx([EDGE, 0.5])
