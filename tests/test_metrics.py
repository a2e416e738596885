import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from dfhpc.metrics import (
    bootstrap_intervals,
    class_report,
    equal_error_rate,
    measure,
)


def _scores(n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.6).astype(np.int8)
    return labels, np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)


def test_measures_are_scikit_learns():
    labels, scores = _scores()
    found = measure(labels, scores)
    called = (scores > 0.5).astype(int)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, called))
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, scores))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(labels, scores))
    assert found["confusion"] == sk.confusion_matrix(labels, called).tolist()
    assert (found["num_real"], found["num_fake"]) == (
        sum(labels == 0),
        sum(labels == 1),
    )


def test_one_class_has_no_auc_and_no_error():
    found = measure(np.ones(3, np.int8), np.array([0.2, 0.9, 1.0]))
    assert found["roc_auc"] is None
    assert found["log_loss"] is None
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["confusion"] == [[0, 0], [1, 2]]


def test_no_rows_at_all():
    found = measure(np.zeros(0, np.int8), np.zeros(0))
    assert found["num"] == 0
    assert found["accuracy"] is None


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_equal_error_rate_balances_both_errors(seed):
    labels, scores = _scores(60, seed)
    rate = equal_error_rate(labels, scores)
    errors = [
        ((scores[labels == 0] >= t).mean(), (scores[labels == 1] < t).mean())
        for t in np.unique(np.append(scores, 2))
    ]
    assert 0 <= rate <= 1
    assert min(max(pair) for pair in errors) >= rate - 1e-9
    assert max(min(pair) for pair in errors) <= rate + 1e-9


@pytest.mark.parametrize(
    ("scores", "rate"), [([0.1, 0.2, 0.8, 0.9], 0), ([0.9, 0.8, 0.2, 0.1], 1)]
)
def test_equal_error_rate_of_perfect_and_perverse_scores(scores, rate):
    assert equal_error_rate(np.array([0, 0, 1, 1]), np.array(scores)) == rate


def test_intervals_hold_the_value_and_widen_with_groups():
    labels, scores = _scores(600)
    lone = bootstrap_intervals(labels, scores, [str(i) for i in range(600)], 0)
    grouped = bootstrap_intervals(labels, scores, [str(i // 60) for i in range(600)], 0)
    found = measure(labels, scores)
    for name in ("accuracy", "roc_auc"):
        assert lone[name][0] <= found[name] <= lone[name][1]
        assert grouped[name][0] < grouped[name][1]
    assert lone == bootstrap_intervals(labels, scores, [str(i) for i in range(600)], 0)


def test_copies_of_a_group_make_no_interval_narrower():
    """Seven frames of a person are not seven people."""
    labels, scores = _scores(40)
    groups = [str(i) for i in range(40)]
    once = bootstrap_intervals(labels, scores, groups, 0)["accuracy"]
    copied = bootstrap_intervals(
        np.repeat(labels, 7), np.repeat(scores, 7), list(np.repeat(groups, 7)), 0
    )["accuracy"]
    assert copied[1] - copied[0] == pytest.approx(once[1] - once[0], rel=0.15)


def test_few_groups_have_no_interval():
    labels, scores = _scores(40)
    groups = [str(i % 4) for i in range(40)]
    assert bootstrap_intervals(labels, scores, groups, 0) == {
        "accuracy": None,
        "roc_auc": None,
    }


def test_class_report_supports():
    labels, scores = _scores()
    report = class_report(labels, scores)
    assert report["fake"]["support"] == (labels == 1).sum()
    assert report["real"]["support"] == (labels == 0).sum()
