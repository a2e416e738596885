"""Trials of settings: models fitted to a fold's training rows, scored on its others.

Settings that share the costly part of a fit are tried together: an SVM's kernel
serves every C, and a forest of 2000 trees is also one of its first 100.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.model_configs import (
    LogisticRegressionConfig,
    ModelConfig,
    RandomForestConfig,
    RidgeConfig,
    RowsConfig,
    SvmConfig,
)
from dfhpc.models import linear, svm
from dfhpc.models.base import (
    TRAINING_ROWS_NAME,
    TrainingRows,
    get_trainer,
    is_on_features,
)
from dfhpc.models.feature_fit import fit_forest, fit_scorer
from dfhpc.models.feature_model import known_features
from dfhpc.models.feature_rows import ensure_features
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.forest import Forest
from dfhpc.models.gram_reader import Gram
from dfhpc.models.kernels import Kernel
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import RowReader, Rows

SCORES_NAME = "scores.npz"

CHEAP_KEYS = {"svm": "C", "logistic_regression": "C", "ridge": "alpha"} | {
    "random_forest": "num_trees"
}
"""By kind, the setting that may vary within a family."""

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Family:
    """Candidates that share the costly part of a fit, and their places in the grid."""

    places: tuple[int, ...]
    configs: tuple[ModelConfig, ...]


def families(candidates: Sequence[ModelConfig]) -> list[Family]:
    """Return the candidates by family, in the order of the grid."""
    found: dict[ModelConfig, list[int]] = {}
    for place, config in enumerate(candidates):
        key = CHEAP_KEYS.get(config.kind)
        shared = config.model_copy(update={key: 1}) if key else config
        found.setdefault(shared, []).append(place)
    return [
        Family(tuple(places), tuple(candidates[place] for place in places))
        for places in found.values()
    ]


@dataclass(frozen=True)
class Trial:
    """A family on one fold; its folder holds the fold's training rows, and marks."""

    model_id: str
    """Of the folder: models/NAME/search/..."""
    family: Family
    held_out: Rows

    def scores_path(self, run: RunDirectory) -> Path:
        """Return the file of scores, (candidates, held-out rows): the done-mark."""
        return run.model_dir(self.model_id) / SCORES_NAME

    def load(self, run: RunDirectory) -> Scores:
        """Return the scores of a trial that is done."""
        return load_arrays(self.scores_path(run))["scores"]


def is_on_gram(config: ModelConfig) -> bool:
    """Whether a model needs nothing but the Gram matrix."""
    of_kind = isinstance(config, SvmConfig | LogisticRegressionConfig | RidgeConfig)
    return of_kind and not is_on_features(config)


def run_on_gram(
    run: RunDirectory,
    pool: WorkPool,
    gram_path: Path,
    trials: Sequence[Trial],
    advance: Callable[[int], None],
) -> None:
    """Do trials of models on the Gram matrix, each a unit."""
    units = [
        Unit.fixed(
            trial.model_id.replace("/", "-"),
            try_on_gram,
            gram_path,
            run.model_dir(trial.model_id),
            trial.family.configs,
            trial.held_out,
        )
        for trial in trials
    ]
    for _ in run_units(pool, units):
        advance(1)


def try_on_gram(
    gram_path: Path, folder: Path, configs: Sequence[ModelConfig], held_out: Rows
) -> None:
    """Fit each of ``configs`` to the training rows in ``folder``; write the scores."""
    training = TrainingRows.load(folder / TRAINING_ROWS_NAME)
    gram = Gram(gram_path)
    kernel = _kernel(gram, training, configs[0])
    square, against = kernel.square(), kernel.against(held_out)
    scores = [_fit_and_score(square, against, training, config) for config in configs]
    save_arrays(folder / SCORES_NAME, {"scores": np.stack(scores)})


def _kernel(gram: Gram, training: TrainingRows, config: ModelConfig) -> Kernel:
    if isinstance(config, SvmConfig):
        gamma = svm.choose_gamma(gram, training, config)
        return Kernel(gram, training.rows, svm.origin_of(config), gamma=gamma)
    if isinstance(config, LogisticRegressionConfig | RidgeConfig):
        return linear.kernel_for(gram, training.rows, config)
    raise TypeError(config)


def _fit_and_score(
    square: Scores, against: Scores, training: TrainingRows, config: ModelConfig
) -> Scores:
    if isinstance(config, SvmConfig):
        dual, intercept = svm.fit_kernel(square, training, config)
    elif isinstance(config, LogisticRegressionConfig | RidgeConfig):
        fit = linear.fit_products(square, training, config, threads=1)
        dual, intercept = fit.dual, fit.intercept
    else:
        raise TypeError(config)
    return np.asarray(expit(against @ dual + intercept))


def run_on_features(
    run: RunDirectory,
    pool: WorkPool,
    rows: Rows,
    trials: Sequence[Trial],
    advance: Callable[[int], None],
) -> None:
    """Do trials of models on features of ``rows``, each a unit."""
    units = []
    for trial in trials:
        config, folder = trial.family.configs[0], run.model_dir(trial.model_id)
        if is_on_features(config):
            ensure_features(run, pool, config.features, rows)
            key = trial.model_id.replace("/", "-")
            arguments = (run.path, folder, trial.family.configs, trial.held_out)
            units.append(Unit.fixed(key, try_on_features, *arguments))
    for _ in run_units(pool, units):
        advance(1)


def try_on_features(
    run_dir: Path, folder: Path, configs: Sequence[RowsConfig], held_out: Rows
) -> None:
    """Fit each of ``configs`` to the training rows in ``folder``; write the scores."""
    training = TrainingRows.load(folder / TRAINING_ROWS_NAME)
    run, kind = RunDirectory(run_dir), configs[0].features
    values = known_features(run, kind, training.rows)
    others = known_features(run, kind, held_out)
    forests = [each for each in configs if isinstance(each, RandomForestConfig)]
    if forests:
        counts = [each.num_trees for each in forests]
        forest = fit_forest(values, training, forests[int(np.argmax(counts))])
        steps, back = np.unique(counts, return_inverse=True)
        scores = forest.score_steps(others, steps.tolist())[back]
    else:
        fits = [fit_scorer(values, training, config) for config in configs]
        scores = np.stack([fit.score(others) for fit in fits])
    save_arrays(folder / SCORES_NAME, {"scores": scores})


def run_on_pixels(
    run: RunDirectory, pool: WorkPool, trial: Trial, advance: Callable[[int], None]
) -> None:
    """Do a trial of a model that is trained on the rows themselves."""
    counts = _tree_counts(trial.family)
    largest = trial.family.configs[int(np.argmax(counts)) if counts else 0]
    trainer = get_trainer(trial.model_id, largest)
    trainer.train(run, pool, lambda step: None)
    unit = Unit.fixed(
        trial.model_id.replace("/", "-"),
        score_held_out,
        run.store_path,
        run.model_dir(trial.model_id),
        largest,
        counts,
        trial.held_out,
    )
    for _ in run_units(pool, [unit]):
        advance(1)


def _tree_counts(family: Family) -> tuple[int, ...]:
    return tuple(
        config.num_trees
        for config in family.configs
        if isinstance(config, RandomForestConfig)
    )


def score_held_out(
    store_path: Path,
    folder: Path,
    config: ModelConfig,
    counts: tuple[int, ...],
    held_out: Rows,
) -> None:
    """Write the scores of the model in ``folder``, after each count of trees."""
    model = get_trainer(folder.name, config).load(folder)
    parts = []
    for _, pixels in RowReader(store_path).iter_partitions(held_out):
        if isinstance(model, Forest):
            steps, back = np.unique(counts, return_inverse=True)
            parts.append(model.score_steps(pixels, steps.tolist())[back])
        else:
            parts.append(model.score(pixels)[None])
    save_arrays(folder / SCORES_NAME, {"scores": np.concatenate(parts, axis=1)})
