"""Models fitted to features by scikit-learn.

Features are some hundred columns, so that all rows fit in memory and scikit-learn's
own solvers take seconds. What is kept of them is in ``feature_scorers``.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import own_cores
from dfhpc.errors import ModelError
from dfhpc.model_configs import (
    PIXEL_ROOT,
    LogisticRegressionConfig,
    RandomForestConfig,
    RidgeConfig,
    RowsConfig,
    SgdConfig,
    SvmConfig,
)
from dfhpc.models.base import TrainingRows
from dfhpc.models.feature_scorers import LinearScorer, RbfScorer, Scorer
from dfhpc.models.forest import LEAF, Forest
from dfhpc.models.linear_model import dot
from dfhpc.models.spectrum import Values

Floats = NDArray[np.float64]
ClassWeights = Mapping[int, float]


@dataclass(frozen=True)
class _Scale:
    """What is taken from, and multiplied with, each column."""

    mean: Floats
    factor: Floats

    @classmethod
    def of(cls, rows: Floats, *, standardize: bool, shrink: bool = False) -> "_Scale":
        """Return the scale of training rows; ``shrink`` gives rows a length near 1."""
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler(with_mean=standardize, with_std=standardize).fit(rows)
        count = rows.shape[1]
        mean = scaler.mean_ if standardize else np.zeros(count)
        factor = 1 / scaler.scale_ if standardize else np.ones(count)
        return cls(mean, factor / np.sqrt(count) if shrink else factor)

    def apply(self, rows: Floats) -> Floats:
        return (rows - self.mean) * self.factor

    def fold(self, weights: Any, intercept: Any) -> LinearScorer:
        """Return a linear model of scaled columns as one of the columns themselves."""
        unscaled = np.asarray(weights, np.float64).ravel() * self.factor
        return LinearScorer(unscaled, float(intercept) - dot(self.mean, unscaled))


def fit_scorer(values: Values, training: TrainingRows, config: RowsConfig) -> Scorer:
    """Return the model with the settings of ``config``, fitted to (n, columns).

    The same bits whatever the number of cores.

    Raises
    ------
    ModelError
        When it does not converge.
    """
    from threadpoolctl import threadpool_limits

    if isinstance(config, RandomForestConfig):
        return fit_forest(values, training, config)
    rows, labels = values.astype(np.float64), training.labels
    of_class = training.class_weights(balanced=config.balanced)
    with threadpool_limits(1, "blas"):
        if isinstance(config, SvmConfig):
            return _fit_svm(rows, labels, of_class, config)
        if isinstance(config, LogisticRegressionConfig):
            return _fit_logistic(rows, labels, of_class, config)
        if isinstance(config, RidgeConfig):
            return _fit_ridge(rows, labels, of_class, config)
        return _fit_sgd(rows, labels, of_class, config)


def _fit_svm(
    rows: Floats, labels: NDArray[np.int8], of_class: ClassWeights, config: SvmConfig
) -> Scorer:
    from sklearn.svm import SVC

    scale = _Scale.of(rows, standardize=config.standardize)
    scaled = scale.apply(rows)
    gamma = _gamma(scaled, config)
    machine = SVC(
        kernel=config.kernel,
        C=config.C,
        gamma=gamma,
        tol=config.tolerance,
        class_weight=of_class,
    ).fit(scaled, labels)
    if config.kernel == "linear":
        return scale.fold(machine.coef_[0], machine.intercept_[0])
    return RbfScorer(
        scale.mean,
        scale.factor,
        machine.support_vectors_,
        machine.dual_coef_[0],
        float(machine.intercept_[0]),
        gamma,
    )


def _gamma(scaled: Floats, config: SvmConfig) -> float:
    """Return gamma as SVC would."""
    if not isinstance(config.gamma, str):
        return config.gamma
    variance = float(scaled.var()) if config.gamma == "scale" else 1.0
    return 1 / (scaled.shape[1] * variance) if variance > 0 else 1.0


def _fit_logistic(
    rows: Floats,
    labels: NDArray[np.int8],
    of_class: ClassWeights,
    config: LogisticRegressionConfig,
) -> Scorer:
    from scipy.linalg import LinAlgWarning
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    scale = _Scale.of(rows, standardize=config.standardize)
    scaled = scale.apply(rows)
    if config.penalize_intercept:
        # liblinear's intercept is the weight of one more column, of ones.
        scaled = np.hstack([scaled, np.ones((len(scaled), 1))])
    model = LogisticRegression(
        # Newton's method is exact, and cheap where columns are few.
        solver="newton-cholesky",
        C=config.C,
        # Of the gradient: what stands nearest to the setting's own meaning.
        tol=config.tolerance,
        max_iter=config.max_iterations,
        fit_intercept=not config.penalize_intercept,
        class_weight=of_class,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", LinAlgWarning)
        try:
            model.fit(scaled, labels)
        except (ConvergenceWarning, LinAlgWarning) as error:
            raise ModelError(
                f"Logistic regression has not converged in {config.max_iterations} "
                "steps; lower C, raise the tolerance or the number of steps."
            ) from error
    if config.penalize_intercept:
        return scale.fold(model.coef_[0, :-1], model.coef_[0, -1])
    return scale.fold(model.coef_[0], model.intercept_[0])


def _fit_ridge(
    rows: Floats, labels: NDArray[np.int8], of_class: ClassWeights, config: RidgeConfig
) -> Scorer:
    from sklearn.linear_model import RidgeClassifier

    scale = _Scale.of(rows, standardize=config.standardize)
    model = RidgeClassifier(
        alpha=config.alpha, class_weight=of_class, solver="cholesky"
    )
    model.fit(scale.apply(rows), labels)
    return scale.fold(model.coef_, np.ravel(model.intercept_)[0])


def _fit_sgd(
    rows: Floats, labels: NDArray[np.int8], of_class: ClassWeights, config: SgdConfig
) -> Scorer:
    from sklearn.linear_model import SGDClassifier

    # As on pixels: rows of length about one, for which the learning rate is made.
    scale = _Scale.of(rows, standardize=True, shrink=True)
    model = SGDClassifier(
        loss={"logistic": "log_loss", "hinge": "hinge"}[config.loss],
        alpha=config.alpha,
        max_iter=config.epochs,
        tol=None,
        class_weight=of_class,
        random_state=config.seed,
    ).fit(scale.apply(rows), labels)
    return scale.fold(model.coef_[0], model.intercept_[0])


def fit_forest(
    values: Values, training: TrainingRows, config: RandomForestConfig
) -> Forest:
    """Return the forest; its first trees are those of a forest of fewer."""
    from sklearn.ensemble import RandomForestClassifier

    columns = values.shape[1]
    most = min(config.max_features, columns)
    forest = RandomForestClassifier(
        config.num_trees,
        max_features="sqrt" if config.max_features == PIXEL_ROOT else most,
        min_samples_leaf=config.min_rows_leaf,
        max_depth=config.max_depth,
        class_weight=training.class_weights(balanced=config.balanced),
        random_state=config.seed,
        # The other workers have nothing to do meanwhile.
        n_jobs=own_cores(),
    ).fit(values, training.labels)
    return Forest.joined([_as_arrays(tree.tree_) for tree in forest.estimators_])


def _as_arrays(tree: Any) -> Forest:
    """Return a tree of scikit-learn's as one of ours."""
    is_leaf = tree.children_left < 0
    weights = tree.value[:, 0, :]
    return Forest(
        np.zeros(1, np.int32),
        np.where(is_leaf, LEAF, tree.feature).astype(np.int32),
        np.asarray(tree.threshold, np.float64),
        tree.children_left.astype(np.int32),
        tree.children_right.astype(np.int32),
        np.asarray(weights[:, 1] / weights.sum(axis=1), np.float64),
    )
