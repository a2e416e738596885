"""A linear model by SGD, for any number of rows: batches streamed from the store.

Columns are standardized with the training rows' mean and deviation, then divided by
the square root of their number, so that a row has length about one and the default
learning rate of scikit-learn's SGDClassifier holds. The fit advances from
checkpoint to checkpoint; one that is resumed ends with the weights of one that was
never disturbed, bit for bit.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import ModelError
from dfhpc.model_configs import SgdConfig
from dfhpc.models.base import (
    TRAINING_ROWS_NAME,
    Model,
    TrainingRows,
)
from dfhpc.models.columns import ColumnSums, measure_columns
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.linear_model import WEIGHTS_NAME, LinearModel, dot
from dfhpc.runs import RunDirectory, atomic_path
from dfhpc.store.reading import Pixels, RowReader

SCALE_NAME = "scale.npz"
CHECKPOINT_NAME = "checkpoint.skops"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """What is taken from, and multiplied with, each column: (307200,) each."""

    mean: Floats
    factor: Floats
    """0 for a column that never changes."""

    @classmethod
    def of(cls, sums: ColumnSums) -> "Scale":
        """Return the scale of columns with these sums."""
        deviation = np.sqrt(sums.variance)
        length = math.sqrt(len(deviation))
        factor = np.divide(
            1.0,
            deviation * length,
            out=np.zeros(len(deviation)),
            where=deviation > 0,
        )
        return cls(sums.mean, factor)

    def to_arrays(self) -> dict[str, Floats]:
        """Return what the constructor takes."""
        return {"mean": self.mean, "factor": self.factor}

    def apply(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return scaled rows."""
        rows = pixels.astype(np.float32)
        rows -= self.mean.astype(np.float32)
        rows *= self.factor.astype(np.float32)
        return rows


class SgdTrainer:
    """Measures the columns, then advances the fit a checkpoint at a time."""

    def __init__(self, model_id: str, config: SgdConfig) -> None:
        """Take the name of the model's folder and the settings."""
        self._model_id = model_id
        self._config = config

    @property
    def num_steps(self) -> int:
        """Epochs."""
        return self._config.epochs

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return a worker's peak: the buffer twice, a scaled batch, the columns."""
        del num_rows
        buffer = self._config.buffer_partitions * shard_bytes
        batch = 3 * self._config.batch_rows * ROW_LENGTH * 4
        return PROCESS_BYTES + 2 * buffer + batch + 12 * ROW_LENGTH * 8

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Advance until all epochs are done, then write the weights."""
        model_dir = run.model_dir(self._model_id)
        if not (model_dir / SCALE_NAME).exists():
            rows = TrainingRows.load(model_dir / TRAINING_ROWS_NAME).rows
            scale = Scale.of(measure_columns(run, pool, rows, rows))
            save_arrays(model_dir / SCALE_NAME, scale.to_arrays())
        done = 0
        while True:
            arguments = (run.store_path, model_dir, self._config)
            epoch, finished = self._run(pool, "fit", advance_fit, arguments)
            advance(epoch - done)
            done = epoch
            if finished:
                return {"epochs": epoch}

    def _run(
        self,
        pool: WorkPool,
        step: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
    ) -> Any:
        unit = Unit.fixed(f"{self._model_id}-{step}", function, *arguments)
        return [result for _, result in run_units(pool, [unit])][0]

    def files(self) -> tuple[str, ...]:
        """Return the one file of a trained linear model."""
        return (WEIGHTS_NAME,)

    def load(self, model_dir: Path) -> Model:
        """Return the trained linear model."""
        return LinearModel.load(model_dir / WEIGHTS_NAME)


def advance_fit(
    store_path: Path, model_dir: Path, config: SgdConfig
) -> tuple[int, bool]:
    """Go on from the checkpoint until the next is due; return epochs done, and if all.

    Writes the weights when the last epoch is done.
    """
    training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
    reader = RowReader(store_path)
    scale = Scale(**load_arrays(model_dir / SCALE_NAME))
    model, step = _load_checkpoint(model_dir / CHECKPOINT_NAME, config, training)
    windows = -(-len(reader.partitions_of(training.rows)) // config.buffer_partitions)
    last, started = config.epochs * windows, time.monotonic()
    while step < last:
        epoch, window = divmod(step, windows)
        for pixels, labels in _window_batches(reader, training, config, epoch, window):
            model.partial_fit(scale.apply(pixels), labels, classes=[0, 1])
        step += 1
        if time.monotonic() - started >= config.checkpoint_s:
            break
    _save_checkpoint(model_dir / CHECKPOINT_NAME, model, step)
    if step == last:
        folded = _fold(model.coef_[0], float(model.intercept_[0]), scale)
        folded.save(model_dir / WEIGHTS_NAME)
    return step // windows, step == last


def _window_batches(
    reader: RowReader,
    training: TrainingRows,
    config: SgdConfig,
    epoch: int,
    window: int,
) -> Iterator[tuple[Pixels, NDArray[np.int8]]]:
    """Yield the batches of one window: some partitions, their rows shuffled together.

    Order depends on seed, epoch and window alone. The manifest's order is shuffled
    already, so a few partitions are a fair sample of all.
    """
    partitions = reader.partitions_of(training.rows)
    order = np.random.default_rng([config.seed, epoch]).permutation(partitions)
    size = config.buffer_partitions
    taken = order[window * size : (window + 1) * size]
    parts = [reader.read_partition(int(index), training.rows) for index in taken]
    rows = np.concatenate([part[0] for part in parts])
    pixels = np.concatenate([part[1] for part in parts])
    labels = training.labels[np.searchsorted(training.rows, rows)]
    shuffled = np.random.default_rng([config.seed, epoch, window]).permutation(
        len(rows)
    )
    for start in range(0, len(rows), config.batch_rows):
        batch = shuffled[start : start + config.batch_rows]
        yield pixels[batch], labels[batch]


def _new_model(config: SgdConfig, training: TrainingRows) -> Any:
    from sklearn.linear_model import SGDClassifier

    loss = {"logistic": "log_loss", "hinge": "hinge"}[config.loss]
    return SGDClassifier(
        loss=loss,
        alpha=config.alpha,
        # We shuffle ourselves, so that what is left of an epoch can be resumed.
        shuffle=False,
        class_weight=training.class_weights(balanced=config.balanced),
        random_state=config.seed,
    )


def _save_checkpoint(path: Path, model: Any, step: int) -> None:
    """Write model and position in one file, so that they never disagree."""
    import skops.io

    with atomic_path(path) as tmp:
        skops.io.dump({"model": model, "step": step}, tmp)


def _load_checkpoint(
    path: Path, config: SgdConfig, training: TrainingRows
) -> tuple[Any, int]:
    """Return model and position, a new model at 0 where there is no checkpoint."""
    import skops.io

    if not path.exists():
        return _new_model(config, training), 0
    unknown = skops.io.get_untrusted_types(file=path)
    if unknown:
        raise ModelError(f"{path} holds types that are not trusted: {unknown}.")
    state = skops.io.load(path)
    return state["model"], int(state["step"])


def _fold(coefficients: Any, intercept: float, scale: Scale) -> LinearModel:
    """Return the same model over raw pixels."""
    weights = np.asarray(coefficients, np.float64) * scale.factor
    return LinearModel(weights, intercept - dot(scale.mean, weights), scale.mean)
