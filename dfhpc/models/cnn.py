"""A network of keras.applications, trained on rows that are streamed from the store.

One worker trains, on all its cores or GPUs, from checkpoint to checkpoint; a training
that is resumed ends with the weights of one that was never disturbed, bit for bit on
the same kind of processor with as many cores. Rows are in memory a few partitions at a
time, so that memory does not grow with their number.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import FACE_SIDE, ROW_LENGTH
from dfhpc.errors import SplitError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.base import (
    CALIBRATION_ROWS_NAME,
    TRAINING_ROWS_NAME,
    Model,
    TrainingRows,
)
from dfhpc.models.cnn_bases import BASES
from dfhpc.models.cnn_checkpoint import BEST_NAME, CHECKPOINT_NAME, INITIAL_NAME
from dfhpc.models.cnn_ends import (
    NETWORK_NAME,
    WEIGHTS_NAME,
    begin,
    compute_features,
    finish,
)
from dfhpc.models.cnn_fit import FEATURES_DIR, advance_fit
from dfhpc.models.cnn_history import HISTORY_NAME, save_history
from dfhpc.models.cnn_model import CnnModel
from dfhpc.models.cnn_rows import feature_path
from dfhpc.models.cnn_weights import ensure_weights
from dfhpc.runs import RunDirectory, read_record
from dfhpc.store.reading import RowReader

TENSORFLOW_BYTES = 5 * 1024**3 // 4
"""A worker with Dask, Zarr, TensorFlow and Keras, and what these keep of a training.

Workers that trained a mobilenet_v3_small at a side of 64 peaked at 1,242 to 1,310 MB;
with the 900 MiB of one that has only imported them, 1,037 MB were projected.
"""

WEIGHT_COPIES = 6
"""Weights, gradients, RMSprop's means, a checkpoint of both, one to change them."""


class CnnTrainer:
    """Begins, computes features where they stay the same, then fits and finishes."""

    def __init__(self, model_id: str, config: CnnConfig) -> None:
        """Take the name of the model's folder and the settings."""
        self._model_id = model_id
        self._config = config

    @property
    def num_steps(self) -> int:
        """Epochs."""
        return self._config.epochs

    def plan(self, *, has_calibration: bool) -> None:
        """Find out before hours of other work whether training can begin.

        Raises
        ------
        SplitError
            When it is to end early and there is no calibration part to tell when.
        ModelError
            When the weights that the base begins with are not to be had.
        """
        if self._config.patience is not None and not has_calibration:
            raise SplitError(
                f"{self._model_id} has patience = {self._config.patience}, and its "
                "split has no calibration part to tell when to end; leave patience "
                "out, or take a split by group with calibration_share above 0."
            )
        ensure_weights(self._config)

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return a worker's peak: the network, one batch through it, some partitions.

        What one row of a batch takes in each base was measured.
        """
        del num_rows
        config, base = self._config, BASES[self._config.base]
        area = (config.side / 150) ** 2
        head = area * base.features * config.dense_units
        batch = max(config.batch_rows, 32 // 3) * area * base.row_bytes
        windows = 3 * config.buffer_partitions * self._kept_bytes(shard_bytes)
        weights = WEIGHT_COPIES * 4 * (base.parameters + head)
        return int(TENSORFLOW_BYTES + weights + batch + windows + 3 * shard_bytes)

    def _kept_bytes(self, shard_bytes: int) -> float:
        """Return what a window keeps of a partition: float32 features, or pixels."""
        if not self._config.is_on_features:
            return shard_bytes * (self._config.side / FACE_SIDE) ** 2
        area = (self._config.side / 150) ** 2
        features = area * BASES[self._config.base].features
        return shard_bytes / ROW_LENGTH * features * np.float32().nbytes

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Train until all epochs are done, or as many as help; write the network."""
        folder = run.model_dir(self._model_id)
        if not (folder / HISTORY_NAME).exists():
            self._train(run, pool, folder, advance)
        else:
            advance(self._config.epochs)
        for name in (CHECKPOINT_NAME, INITIAL_NAME, BEST_NAME):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / FEATURES_DIR, ignore_errors=True)
        return read_record(folder / HISTORY_NAME, "epochs", "by_epoch")

    def _train(
        self,
        run: RunDirectory,
        pool: WorkPool,
        folder: Path,
        advance: Callable[[int], None],
    ) -> None:
        config = self._config
        if not (folder / CHECKPOINT_NAME).exists():
            self._run(pool, "begin", begin, folder, config)
        if config.is_on_features:
            self._compute_features(run, pool, folder)
        done, finished = 0, False
        while not finished:
            arguments = (run.store_path, folder, self._model_id, config)
            epoch, finished = self._run(pool, "fit", advance_fit, *arguments)
            advance(epoch - done)
            done = epoch
        facts = self._run(pool, "finish", finish, folder, config)
        save_history(folder, self._model_id, facts)
        advance(config.epochs - done)

    def _run(
        self, pool: WorkPool, step: str, function: Callable[..., Any], *arguments: Any
    ) -> Any:
        name = self._model_id.replace("/", "-")
        unit = Unit.fixed(f"{name}-{step}", function, *arguments)
        return [result for _, result in run_units(pool, [unit])][0]

    def _compute_features(
        self, run: RunDirectory, pool: WorkPool, folder: Path
    ) -> None:
        """Let the base look at each face once: training and calibration, no other."""
        rows = TrainingRows.load(folder / TRAINING_ROWS_NAME).rows
        calibration = folder / CALIBRATION_ROWS_NAME
        if calibration.exists():
            rows = np.union1d(rows, TrainingRows.load(calibration).rows)
        reader = RowReader(run.store_path)
        name = self._model_id.replace("/", "-")
        size = reader.layout.rows_per_partition
        units = [
            Unit.fixed(
                f"{name}-features-{index:06d}",
                compute_features,
                *(run.store_path, folder, self._config, int(index)),
                rows[(rows >= index * size) & (rows < (index + 1) * size)],
            )
            for index in reader.partitions_of(rows)
            if not feature_path(folder / FEATURES_DIR, int(index)).exists()
        ]
        for _ in run_units(pool, units):
            pass

    def files(self) -> tuple[str, ...]:
        """Return the weights, and what network they are of."""
        return (WEIGHTS_NAME, NETWORK_NAME)

    def load(self, model_dir: Path) -> Model:
        """Return the trained network."""
        return CnnModel(model_dir / WEIGHTS_NAME, self._config)
