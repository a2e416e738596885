import numpy as np
import pytest

from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.model_configs import LogisticRegressionConfig, RidgeConfig
from dfhpc.models.base import load_model
from dfhpc.models.linear import LinearTrainer
from tests.models.contract import TRAIN_ROWS, ModelContract, faces, turned_rows

__all__ = ["faces"]


class TestLogisticRegression(ModelContract):
    name = "logistic_regression"
    config = LogisticRegressionConfig()


class TestRidge(ModelContract):
    name = "ridge"
    config = RidgeConfig(alpha=1e5)


def decisions(path, faces, config):
    contract = ModelContract()
    contract.name, contract.config = config.kind, config
    run = contract.train(path, faces)
    return load_model(run, config.kind).decide(faces[0])


def agree(found, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-3 * scale)
    clear = np.abs(expected) > 1e-5 * scale
    assert np.array_equal(found[clear] > 0, expected[clear] > 0)


@pytest.mark.parametrize(
    ("standardize", "cost"), [(True, 1.0), (True, 1e-6), (False, 1e-8)]
)
@pytest.mark.parametrize("balanced", [True, False])
def test_decisions_equal_scikit_learns(tmp_path, faces, standardize, balanced, cost):
    from sklearn.linear_model import LogisticRegression

    config = LogisticRegressionConfig(
        C=cost, standardize=standardize, balanced=balanced
    )
    rows = turned_rows(faces, standardize=standardize)
    rival = LogisticRegression(
        C=cost,
        tol=1e-9,
        max_iter=100_000,
        class_weight="balanced" if balanced else None,
    ).fit(rows[TRAIN_ROWS], faces[1][TRAIN_ROWS])
    agree(decisions(tmp_path, faces, config), rival.decision_function(rows))


@pytest.mark.parametrize("standardize", [True, False])
def test_a_penalized_intercept_is_liblinears(tmp_path, faces, standardize):
    from sklearn.linear_model import LogisticRegression

    config = LogisticRegressionConfig(
        C=1e-9 if not standardize else 1e-4,
        standardize=standardize,
        balanced=False,
        penalize_intercept=True,
    )
    rows = turned_rows(faces, standardize=config.standardize)
    rival = LogisticRegression(
        C=config.C, solver="liblinear", tol=1e-8, max_iter=10_000
    ).fit(rows[TRAIN_ROWS], faces[1][TRAIN_ROWS])
    agree(decisions(tmp_path, faces, config), rival.decision_function(rows))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 1e7])
def test_ridge_equals_scikit_learns(tmp_path, faces, standardize, alpha):
    from sklearn.linear_model import RidgeClassifier

    config = RidgeConfig(alpha=alpha, standardize=standardize)
    rows = turned_rows(faces, standardize=config.standardize)
    rival = RidgeClassifier(alpha=alpha, class_weight="balanced")
    rival.fit(rows[TRAIN_ROWS], faces[1][TRAIN_ROWS])
    agree(decisions(tmp_path, faces, config), rival.decision_function(rows))


def test_too_few_steps_are_an_error_that_says_what_to_change(tmp_path, faces):
    from dfhpc.errors import ModelError

    config = LogisticRegressionConfig(max_iterations=1)
    with pytest.raises(ModelError, match=r"not converged in 1 steps.*lower C"):
        decisions(tmp_path, faces, config)


def test_memory_is_that_of_two_matrices():
    trainer = LinearTrainer("logistic_regression", LogisticRegressionConfig())
    projected = trainer.project_bytes(11_187, 112 * 307_200)
    assert 2 * 8 * 11_187**2 + PROCESS_BYTES < projected < 4e9


def test_explanations_are_measured_from_the_mean_of_the_training_rows(tmp_path, faces):
    contract = ModelContract()
    contract.name, contract.config = "ridge", RidgeConfig()
    model = load_model(contract.train(tmp_path, faces), "ridge")
    mean = faces[0][TRAIN_ROWS].mean(axis=0)
    np.testing.assert_allclose(model.center, mean, atol=1e-3)
    near = model.decide(np.rint(mean).astype(np.uint8)[None])
    parts = model.explain(faces[0][0]).sum(dtype=np.float64)
    assert parts == pytest.approx(model.decide(faces[0][:1])[0] - near[0], abs=0.05)
