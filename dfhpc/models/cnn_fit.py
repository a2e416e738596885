"""The units of a network's training, each going on from what the last one left."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.signals import stop_requested
from dfhpc.model_configs import CnnConfig
from dfhpc.models.base import (
    CALIBRATION_ROWS_NAME,
    TRAINING_ROWS_NAME,
    TrainingRows,
)
from dfhpc.models.cnn_checkpoint import (
    BEST_NAME,
    CHECKPOINT_NAME,
    Checkpoint,
    Part,
    Progress,
    assign,
    read_variables,
    save_variables,
)
from dfhpc.models.cnn_epoch import Window, count_batches, from_batch, plan_epoch
from dfhpc.models.cnn_job import Job, labels_of
from dfhpc.models.cnn_network import (
    is_base_frozen,
    learning_rate_of,
    make_stopper,
)
from dfhpc.models.cnn_rows import (
    FeatureSource,
    PixelSource,
    RowSource,
    batches_ahead,
    plain_windows,
    worker_threads,
)
from dfhpc.models.cnn_runtime import load_keras
from dfhpc.store.reading import RowReader

FEATURES_DIR = "features"

WATCHED_ROWS = 32
"""Rows of the calibration part that are scored at a time."""


def advance_fit(
    store_path: Path, folder: Path, name: str, config: CnnConfig
) -> tuple[int, bool]:
    """Go on from the checkpoint until the next is due; return epochs done, and if all.

    Every epoch ends with a checkpoint. Where this runs in the driver itself, a stop
    that is requested makes it due at once, after the batch that is under way.

    Raises
    ------
    ModelError
        When the loss, or a weight, is no finite number any more.
    """
    until = time.monotonic() + config.checkpoint_s

    def is_due() -> bool:
        return stop_requested() or time.monotonic() >= until

    with worker_threads() as threads:
        reader = RowReader(store_path)
        source: RowSource = PixelSource(reader, config, threads)
        if config.is_on_features:
            source = FeatureSource(folder / FEATURES_DIR)
        job = Job(
            name,
            folder,
            config,
            source,
            reader.layout.rows_per_partition,
            TrainingRows.load(folder / TRAINING_ROWS_NAME),
            _load_calibration(folder),
        )
        progress = Checkpoint.load(folder / CHECKPOINT_NAME).progress
        while not progress.is_finished(config):
            progress = _advance_epoch(job, is_due)
            if is_due():
                break
    return progress.epoch, progress.is_finished(config)


def _load_calibration(folder: Path) -> TrainingRows | None:
    path = folder / CALIBRATION_ROWS_NAME
    if not path.exists():
        return None
    found = TrainingRows.load(path)
    return found if len(found.rows) else None


def _advance_epoch(job: Job, is_due: Callable[[], bool]) -> Progress:
    """Train until the end of an epoch, or until due; write a checkpoint."""
    path = job.folder / CHECKPOINT_NAME
    state = Checkpoint.load(path)
    epoch = state.progress.epoch
    network = job.network(epoch)
    _restore(network, state)
    windows = plan_epoch(job.training.rows, job.rows_per_partition, job.config, epoch)
    left = list(from_batch(windows, state.progress.batch))
    progress = state.progress
    if left:
        part = _Feed(job, left, epoch).train(network, is_due)
        job.require_finite(epoch, part.loss)
        progress = progress.after(part)
    values = read_variables(network.variables)
    job.require_finite(epoch, *values)
    if progress.batch == count_batches(windows):
        progress = _end_epoch(job, network, progress)
    optimizer = network.optimizer.variables
    if _begins_anew(job.config, progress):
        optimizer = []
    Checkpoint(progress, values, read_variables(optimizer)).save(path)
    return progress


def _begins_anew(config: CnnConfig, progress: Progress) -> bool:
    """Whether the next batch is the first one that the base learns from."""
    epoch = progress.epoch
    if progress.batch or epoch == 0:
        return False
    return is_base_frozen(config, epoch) != is_base_frozen(config, epoch - 1)


def _restore(network: Any, state: Checkpoint) -> None:
    assign(network.variables, state.network)
    optimizer = network.optimizer.variables
    values = state.optimizer
    if not values:
        # A new optimizer: the network may have been trained in this process before.
        values = _fresh(network)
    assign(optimizer, values)


def _fresh(network: Any) -> list[NDArray[Any]]:
    """Return what the variables of this network's optimizer hold at first."""
    with load_keras().scope():
        optimizer = type(network.optimizer).from_config(network.optimizer.get_config())
        optimizer.build(network.trainable_variables)
    return read_variables(optimizer.variables)


@dataclass
class _Feed:
    """Gives the network its batches."""

    job: Job
    windows: list[Window]
    epoch: int
    error: Exception | None = None

    def train(self, network: Any, is_due: Callable[[], bool]) -> Part:
        """Train on the batches until due, on one at least."""
        stopper = make_stopper(is_due)
        try:
            history = network.fit(
                self._dataset(network),
                epochs=1,
                verbose=0,
                shuffle=False,
                callbacks=[stopper],
            )
        finally:
            if self.error is not None:
                # TensorFlow would tell of it in its own words.
                raise self.error
        batches = [batch for window in self.windows for batch in window.batches]
        seen = batches[: stopper.num_batches]
        means = {name: values[0] for name, values in history.history.items()}
        return Part(
            len(seen),
            sum(len(batch) for batch in seen),
            float(means["loss"]),
            float(means["accuracy"]),
        )

    def _dataset(self, network: Any) -> Any:
        tf = load_keras().tf
        shape = (None, *network.inputs[0].shape[1:])
        dataset = tf.data.Dataset.from_generator(
            self._generate,
            output_signature=(
                tf.TensorSpec(shape, tf.float32),
                tf.TensorSpec((None, 1), tf.float32),
                tf.TensorSpec((None,), tf.float32),
            ),
        )
        # Keras would warn where it is not told how many there are.
        count = tf.data.experimental.assert_cardinality(count_batches(self.windows))
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        return dataset.apply(count).prefetch(2).with_options(options)

    def _generate(self) -> Iterator[tuple[Any, Any, Any]]:
        try:
            for batch in batches_ahead(self.job.source, self.windows, self.epoch):
                labels = labels_of(batch, self.job.training)
                weights = self.job.weights_of(labels)
                places, weights = even(weights, load_keras().num_replicas)
                targets = labels[places, None].astype(np.float32)
                yield batch.inputs[places], targets, weights
        except Exception as error:  # noqa: BLE001 - raised again, in the caller
            self.error = error


def even(
    weights: NDArray[np.float32], parts: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return places in a batch, and weights, of which so many GPUs get as many each.

    Rows that fill up are some of the batch again, and weigh nothing.

    >>> even(np.ones(3, np.float32), 2)[1]
    array([1.3333334, 1.3333334, 1.3333334, 0.       ], dtype=float32)
    """
    count = len(weights)
    whole = -(-count // parts) * parts
    places = np.arange(whole) % count
    filled = np.zeros(whole, np.float32)
    # The loss is a mean over all of them.
    filled[:count] = weights * np.float32(whole / count)
    return places, filled


def _end_epoch(job: Job, network: Any, progress: Progress) -> Progress:
    """Return the progress after an epoch, with what it is worth; keep the best."""
    rows = progress.rows
    watched = _watch(job, network)
    if watched is not None:
        job.require_finite(progress.epoch, watched["loss"])
    entry = {
        "epoch": progress.epoch + 1,
        "learning_rate": learning_rate_of(job.config, progress.epoch),
        "base_frozen": is_base_frozen(job.config, progress.epoch),
        "train": {
            "loss": round(progress.loss_sum / rows, 6),
            "accuracy": round(progress.num_right / rows, 6),
            "rows": rows,
        },
        "calibration": watched,
    }
    progress = progress.after_epoch(entry)
    if job.config.patience is not None and progress.best == progress.epoch - 1:
        save_variables(job.folder / BEST_NAME, read_variables(network.variables))
    return progress


def _watch(job: Job, network: Any) -> dict[str, float] | None:
    """Return loss and accuracy on the calibration part, None where there is none."""
    if job.calibration is None:
        return None
    windows = plain_windows(job.calibration.rows, job.rows_per_partition, WATCHED_ROWS)
    losses, right, weights = [], [], []
    for batch in batches_ahead(job.source, windows, None):
        labels = labels_of(batch, job.calibration)
        scores = np.asarray(network(batch.inputs, training=False))[:, 0]
        of_label = np.where(labels == 1, scores, 1 - scores).astype(np.float64)
        losses.append(-np.log(np.clip(of_label, 1e-7, 1)))
        right.append(of_label > 0.5)
        weights.append(job.weights_of(labels))
    return {
        "loss": float(np.mean(np.concatenate(losses) * np.concatenate(weights))),
        "accuracy": float(np.mean(np.concatenate(right))),
        "rows": len(job.calibration.rows),
    }
