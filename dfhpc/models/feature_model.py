"""A model on features: trained on rows kept beside the store, scoring pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.errors import ModelError
from dfhpc.model_configs import FeatureKind, RowsConfig, SvmConfig
from dfhpc.models.base import TRAINING_ROWS_NAME, Model, Scores, TrainingRows
from dfhpc.models.feature_fit import fit_scorer
from dfhpc.models.feature_rows import ensure_features, project_bytes, read_features
from dfhpc.models.feature_scorers import Scorer, from_arrays, to_arrays
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.spectrum import (
    FEATURES_VERSION,
    Values,
    compute_features,
    num_columns,
)
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import Pixels, Rows

MODEL_NAME = "on_features.npz"

COPIES = 6
"""Of the features in float64, while scikit-learn scales and fits."""

KERNEL_CACHE_BYTES = 200 * 2**20
"""libsvm's, scikit-learn's default."""


@dataclass(frozen=True)
class FeatureModel:
    """What a fit to features left, and which features it takes."""

    kind: FeatureKind
    scorer: Scorer

    def score(self, rows: Pixels) -> Scores:
        """Return P(fake) of (n, 307200), whose features are computed first."""
        return self.scorer.score(compute_features(self.kind, rows))

    def score_stored(self, run: RunDirectory, rows: Rows) -> Scores | None:
        """Return the scores of stored rows, if their features are kept."""
        values = read_features(run, self.kind, rows)
        return None if values is None else self.scorer.score(values)

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        of_features = {"features": self.kind, "features_version": FEATURES_VERSION}
        save_arrays(path, of_features | to_arrays(self.scorer))

    @classmethod
    def load(cls, path: Path, kind: FeatureKind) -> "FeatureModel":
        """Return what ``save`` wrote.

        Raises
        ------
        ModelError
            When it was trained on features of another definition.
        """
        arrays = load_arrays(path)
        found = str(arrays["features"]), int(arrays["features_version"])
        if found != (kind, FEATURES_VERSION):
            raise ModelError(
                f"{path} takes {found[0]} features of version {found[1]}; this dfhpc "
                f"computes version {FEATURES_VERSION} of {kind}. Delete {path.parent} "
                "and train again."
            )
        return cls(kind, from_arrays(arrays))


class FeatureTrainer:
    """Makes the features that are missing, then fits in one unit."""

    num_steps = 2
    """The features, and the fit."""

    def __init__(self, model_id: str, config: RowsConfig) -> None:
        """Take the name of the model's folder and the settings."""
        self._model_id = model_id
        self._config = config

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return a worker's peak: a shard, or all features in some copies."""
        values = COPIES * 8 * num_rows * num_columns(self._config.features)
        if isinstance(self._config, SvmConfig):
            values += KERNEL_CACHE_BYTES
        return max(project_bytes(shard_bytes), PROCESS_BYTES + values)

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Make the features, fit, and write the model."""
        model_dir = run.model_dir(self._model_id)
        training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
        ensure_features(run, pool, self._config.features, training.rows)
        advance(1)
        if not (model_dir / MODEL_NAME).exists():
            key = f"{self._model_id}-fit"
            unit = Unit.fixed(key, fit_features, run.path, model_dir, self._config)
            for _ in run_units(pool, [unit]):
                pass
        advance(1)
        return {"columns": num_columns(self._config.features)}

    def files(self) -> tuple[str, ...]:
        """Return the one file of a trained model."""
        return (MODEL_NAME,)

    def load(self, model_dir: Path) -> Model:
        """Return the trained model."""
        return FeatureModel.load(model_dir / MODEL_NAME, self._config.features)


def fit_features(run_dir: Path, model_dir: Path, config: RowsConfig) -> None:
    """Write the model fitted to the features of the training rows in ``model_dir``."""
    training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
    values = known_features(RunDirectory(run_dir), config.features, training.rows)
    model = FeatureModel(config.features, fit_scorer(values, training, config))
    model.save(model_dir / MODEL_NAME)


def known_features(run: RunDirectory, kind: FeatureKind, rows: Rows) -> Values:
    """Return the features of ``rows``, which ``ensure_features`` has made.

    Raises
    ------
    ModelError
        When they are gone.
    """
    values = read_features(run, kind, rows)
    if values is None:
        raise ModelError(
            f"The {kind} of the faces in {run.features_path} is gone; give the same "
            "command again."
        )
    return values
