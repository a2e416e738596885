"""Fits to features: scikit-learn's own, whatever they are kept as."""

import numpy as np
import pytest

from dfhpc.errors import ModelError
from dfhpc.model_configs import (
    LogisticRegressionConfig,
    RandomForestConfig,
    RidgeConfig,
    SgdConfig,
    SvmConfig,
)
from dfhpc.models.base import TrainingRows
from dfhpc.models.feature_fit import fit_forest, fit_scorer
from dfhpc.models.feature_scorers import from_arrays, to_arrays
from dfhpc.models.spectrum import compute_features
from tests.models.contract import TRAIN_ROWS
from tests.models.textured_faces import faces

__all__ = ["faces"]


@pytest.fixture(scope="module")
def values(faces):
    return compute_features("spectrum", faces[0])


@pytest.fixture(scope="module")
def training(faces):
    return TrainingRows(np.asarray(TRAIN_ROWS, np.int64), faces[1][TRAIN_ROWS])


CONFIGS = [
    SvmConfig(),
    SvmConfig(kernel="linear", standardize=False, balanced=False),
    SvmConfig(gamma="auto", C=0.3),
    SvmConfig(gamma=0.01),
    LogisticRegressionConfig(C=0.1),
    LogisticRegressionConfig(C=0.1, standardize=False, balanced=False),
    LogisticRegressionConfig(C=0.1, penalize_intercept=True),
    RidgeConfig(alpha=10.0),
    RandomForestConfig(num_trees=10),
    SgdConfig(),
    SgdConfig(loss="hinge", balanced=False),
]


def rival_of(config):
    """Return what a user of scikit-learn would write for these settings."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.svm import SVC

    weight = "balanced" if config.balanced else None
    if config.kind == "random_forest":
        return RandomForestClassifier(10, class_weight=weight, random_state=42)
    scaler = StandardScaler()
    if config.kind == "sgd":
        loss = "log_loss" if config.loss == "logistic" else "hinge"
        model = SGDClassifier(
            loss=loss,
            alpha=1e-3,
            max_iter=10,
            tol=None,
            class_weight=weight,
            random_state=0,
        )
        shrink = FunctionTransformer(lambda rows: rows / np.sqrt(rows.shape[1]))
        return make_pipeline(scaler, shrink, model)
    if config.kind == "svm":
        model = SVC(
            kernel=config.kernel, C=config.C, gamma=config.gamma, class_weight=weight
        )
    elif config.kind == "ridge":
        model = RidgeClassifier(config.alpha, class_weight=weight)
    elif config.penalize_intercept:
        model = LogisticRegression(
            C=config.C, solver="liblinear", tol=1e-9, class_weight=weight
        )
    else:
        model = LogisticRegression(
            C=config.C, tol=1e-9, max_iter=10_000, class_weight=weight
        )
    return make_pipeline(scaler, model) if config.standardize else model


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_scores_are_those_of_scikit_learn(config, values, training):
    from scipy.special import expit

    rows = values.astype(np.float64)
    rival = rival_of(config).fit(rows[TRAIN_ROWS], training.labels)
    if config.kind == "random_forest":
        expected = rival.predict_proba(values)[:, 1]
    else:
        expected = expit(rival.decision_function(rows))
    scorer = fit_scorer(values[TRAIN_ROWS], training, config)
    np.testing.assert_allclose(scorer.score(values), expected, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS[:9], ids=str)
def test_arrays_hold_all_of_a_scorer(config, values, training):
    scorer = fit_scorer(values[TRAIN_ROWS], training, config)
    arrays = {name: np.asarray(array) for name, array in to_arrays(scorer).items()}
    again = from_arrays(arrays)
    np.testing.assert_array_equal(again.score(values), scorer.score(values))


def test_a_forest_begins_with_the_trees_of_a_smaller_one(values, training):
    large, small = (
        fit_forest(values[TRAIN_ROWS], training, RandomForestConfig(num_trees=count))
        for count in (8, 3)
    )
    np.testing.assert_array_equal(
        large.score_steps(values, [3, 8])[0], small.score(values)
    )


def test_columns_that_never_change_do_no_harm(values, training):
    dull = np.concatenate([np.full((len(values), 3), 7, np.float32), values], axis=1)
    for config in (CONFIGS[0], CONFIGS[4], CONFIGS[7], CONFIGS[9]):
        scores = fit_scorer(dull[TRAIN_ROWS], training, config).score(dull)
        assert np.isfinite(scores).all()


def test_a_fit_that_does_not_converge_says_so(values, training):
    config = LogisticRegressionConfig(C=1e6, max_iterations=1)
    with pytest.raises(ModelError, match="not converged in 1 steps; lower C"):
        fit_scorer(values[TRAIN_ROWS], training, config)


def test_the_spectrum_finds_what_the_mean_of_pixels_does_not_show(faces, values):
    """The same machine on people it has not seen: on pixels it finds little."""
    from sklearn.metrics import roc_auc_score
    from sklearn.svm import SVC

    rows, labels = faces
    fit, others = np.arange(36), np.arange(36, 72)
    pixels = rows.astype(np.float32) - rows[fit].mean(axis=0, dtype=np.float32)
    gram = pixels @ pixels[fit].T
    machine = SVC(kernel="precomputed").fit(gram[fit], labels[fit])
    assert roc_auc_score(labels[others], machine.decision_function(gram[others])) < 0.8
    half = TrainingRows(fit, labels[fit])
    scorer = fit_scorer(values[fit], half, SvmConfig(kernel="linear"))
    assert roc_auc_score(labels[others], scorer.score(values[others])) > 0.95
