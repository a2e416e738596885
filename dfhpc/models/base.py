"""What a model is: how it is trained in units, and how it scores rows."""

import functools
import hashlib
import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.pool import WorkPool
from dfhpc.errors import ModelError
from dfhpc.model_configs import (
    CnnConfig,
    LogisticRegressionConfig,
    ModelConfig,
    RandomForestConfig,
    RidgeConfig,
    RowsConfig,
    SgdConfig,
    SvmConfig,
)
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.recipes import parse_model_config
from dfhpc.runs import RunDirectory, read_record
from dfhpc.store.reading import Pixels, Rows

Scores = NDArray[np.float64]
"""P(fake) in [0, 1], one a row."""

CARD_KEYS = ("settings", "model", "split", "faces", "files", "history")
"""What ``model.json`` says of a model, among other things."""

TRAINING_ROWS_NAME = "training_rows.npz"

CALIBRATION_ROWS_NAME = "calibration_rows.npz"
"""Rows of the calibration part, for a trainer that is Watchful; there may be none."""

Advance = Callable[[int], None]


@dataclass(frozen=True)
class TrainingRows:
    """The rows of the store that a model learns from, ascending."""

    rows: Rows
    labels: NDArray[np.int8]
    """0 real, 1 fake."""

    def class_weights(self, *, balanced: bool) -> dict[int, float]:
        """Return the weight of a row of each class; 1 unless balanced."""
        if not balanced:
            return {0: 1.0, 1: 1.0}
        counts = np.bincount(self.labels, minlength=2)
        return {label: len(self.labels) / (2 * counts[label]) for label in (0, 1)}

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        save_arrays(path, {"rows": self.rows, "labels": self.labels})

    @classmethod
    def load(cls, path: Path) -> "TrainingRows":
        """Return what ``save`` wrote."""
        return cls(**load_arrays(path))


class Model(Protocol):
    """A trained model."""

    def score(self, rows: Pixels) -> Scores:
        """Return P(fake) of each row of (n, 307200)."""
        ...


@runtime_checkable
class StoredScorer(Protocol):
    """A model that knows the rows of the store without reading them."""

    def score_stored(self, run: RunDirectory, rows: Rows) -> Scores | None:
        """Return P(fake) of ``rows`` of the store; None where it cannot know them."""
        ...


@runtime_checkable
class Watchful(Protocol):
    """A trainer that also looks at the calibration part, never to learn from it."""

    def plan(self, *, has_calibration: bool) -> None:
        """Find out before hours of other work whether training can begin.

        Raises
        ------
        DfhpcError
            When it cannot.
        """
        ...


class Trainer(Protocol):
    """How a kind of model is trained and loaded.

    ``model_dir`` holds its training rows before, its files after. Work that was
    done before a kill is found there and not repeated.
    """

    @property
    def num_steps(self) -> int:
        """Units of progress."""
        ...

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return the peak memory of a worker in bytes, before anything is started."""
        ...

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Train on ``pool`` and return facts for the history."""
        ...

    def files(self) -> tuple[str, ...]:
        """Return the names of the files that make up the trained model."""
        ...

    def load(self, model_dir: Path) -> Model:
        """Return the trained model."""
        ...


_TRAINERS = {
    SvmConfig: ("dfhpc.models.svm", "SvmTrainer"),
    LogisticRegressionConfig: ("dfhpc.models.linear", "LinearTrainer"),
    RidgeConfig: ("dfhpc.models.linear", "LinearTrainer"),
    RandomForestConfig: ("dfhpc.models.random_forest", "RandomForestTrainer"),
    SgdConfig: ("dfhpc.models.sgd", "SgdTrainer"),
    CnnConfig: ("dfhpc.models.cnn", "CnnTrainer"),
}


def is_on_features(config: ModelConfig) -> TypeGuard[RowsConfig]:
    """Whether a model learns from rows of another kind than pixels."""
    return getattr(config, "features", "pixels") != "pixels"


def get_trainer(model_id: str, config: ModelConfig) -> Trainer:
    """Return what trains a model with these settings in the folder ``model_id``."""
    module, class_name = _TRAINERS[type(config)]
    if is_on_features(config):
        module, class_name = "dfhpc.models.feature_model", "FeatureTrainer"
    trainer_class = getattr(importlib.import_module(module), class_name)
    trainer: Trainer = trainer_class(model_id, config)
    return trainer


def file_digests(model_dir: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of each file of a model."""
    return {
        name: hashlib.sha256((model_dir / name).read_bytes()).hexdigest()
        for name in names
    }


def model_digest(run: RunDirectory, model_id: str) -> str:
    """Return a hash over the digests of a model's files: which training it is of."""
    files = read_record(run.model_path(model_id), "files")["files"]
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def load_model(run: RunDirectory, model_id: str) -> Model:
    """Return the trained model in the folder ``model_id``, after checking its files.

    Raises
    ------
    ModelError
        When it is not trained, or a file was changed or lost since.
    """
    model_dir = run.model_dir(model_id)
    if not run.model_path(model_id).is_file():
        raise ModelError(f"{run.path} has no trained model {model_id}.")
    card = read_record(run.model_path(model_id), "files", "model")
    try:
        found = file_digests(model_dir, list(card["files"]))
    except FileNotFoundError as error:
        raise ModelError(
            f"{error.filename} is missing; run `dfhpc train {run.path}`."
        ) from error
    for file_name, digest in card["files"].items():
        if found[file_name] != digest:
            raise ModelError(
                f"{model_dir / file_name} was changed after training; delete "
                f"{model_dir} and train again."
            )
    config = parse_model_config(card["model"], str(run.model_path(model_id)))
    return get_trainer(model_id, config).load(model_dir)


@functools.lru_cache(maxsize=16)
def load_cached(run: RunDirectory, model_id: str) -> Model:
    """Return a trained model, loaded once a process."""
    return load_model(run, model_id)
