"""What a network's training is about: rows, where they come from, what they weigh."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import ModelError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.base import TrainingRows
from dfhpc.models.cnn_network import (
    compiled_network,
    is_base_frozen,
    learning_rate_of,
)
from dfhpc.models.cnn_rows import Batch, FeatureSource, RowSource
from dfhpc.models.cnn_runtime import load_keras


@dataclass(frozen=True)
class Job:
    """What a training is about."""

    name: str
    folder: Path
    config: CnnConfig
    source: RowSource
    rows_per_partition: int
    training: TrainingRows
    calibration: TrainingRows | None

    def network(self, epoch: int) -> Any:
        """Return the network that learns in an epoch, its variables to be loaded."""
        shape = None
        if isinstance(self.source, FeatureSource):
            first = int(self.training.rows[0]) // self.rows_per_partition
            shape = self.source.read(first, self.training.rows)[1].shape[1:]
        frozen = is_base_frozen(self.config, epoch)
        return compiled_network(self.config, shape, is_frozen=frozen)

    def weights_of(self, labels: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return what each row weighs."""
        weights = self.training.class_weights(balanced=self.config.balanced)
        by_label = np.array([weights[0], weights[1]], np.float32)
        return np.asarray(by_label[labels])

    def require_finite(self, epoch: int, *values: Any) -> None:
        """Refuse to go on from a loss or weights that are no numbers, or infinite.

        Raises
        ------
        ModelError
            When one is; what is written before is of numbers.
        """
        if all(np.isfinite(value).all() for value in values):
            return
        config = self.config
        warms_up = config.base_training == "warm_up" and is_base_frozen(config, epoch)
        key = "warm_up_learning_rate" if warms_up else "learning_rate"
        mixed = config.precision == "auto" and load_keras().num_gpus
        remedy = ', or set precision = "float32"' if mixed else ""
        raise ModelError(
            f"The loss of {self.name} is no number any more in epoch {epoch + 1}; "
            f"lower {key} (it is {learning_rate_of(config, epoch):g}){remedy}."
        )


def labels_of(batch: Batch, among: TrainingRows) -> NDArray[np.int8]:
    """Return the label of each row of a batch."""
    return np.asarray(among.labels[np.searchsorted(among.rows, batch.rows)])
