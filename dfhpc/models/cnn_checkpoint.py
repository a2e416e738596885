"""How far the training of a network is: one file, whole or absent."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import ModelError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.files import load_arrays
from dfhpc.runs import atomic_path

CHECKPOINT_NAME = "checkpoint.npz"
INITIAL_NAME = "initial.npz"
BEST_NAME = "best.npz"


@dataclass(frozen=True)
class Part:
    """Some batches that a network was trained on, and its mean loss on their rows."""

    num_batches: int
    num_rows: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Progress:
    """Where in the training a network is, and how it went."""

    epoch: int = 0
    """Epochs done."""
    batch: int = 0
    """Batches done of the next."""
    rows: int = 0
    """Rows seen of the next, and sums over them."""
    loss_sum: float = 0.0
    num_right: float = 0.0
    history: tuple[dict[str, Any], ...] = ()
    """What came of each epoch that is done."""

    @property
    def best(self) -> int | None:
        """The epoch, counted from 0, with the smallest loss on the calibration part."""
        losses = [entry["calibration"] for entry in self.history]
        if not losses or losses[0] is None:
            return None
        return int(np.argmin([loss["loss"] for loss in losses]))

    def is_finished(self, config: CnnConfig) -> bool:
        """Whether all epochs are done, or those since the best were too many."""
        if self.epoch >= config.epochs:
            return True
        if config.patience is None or self.best is None:
            return False
        return self.epoch - 1 - self.best >= config.patience

    def after(self, part: Part) -> "Progress":
        """Return the progress when a part of the epoch is done."""
        return dataclasses.replace(
            self,
            batch=self.batch + part.num_batches,
            rows=self.rows + part.num_rows,
            loss_sum=self.loss_sum + part.loss * part.num_rows,
            num_right=self.num_right + part.accuracy * part.num_rows,
        )

    def after_epoch(self, entry: dict[str, Any]) -> "Progress":
        """Return the progress at the beginning of the next epoch."""
        return Progress(epoch=self.epoch + 1, history=(*self.history, entry))


def read_variables(variables: Sequence[Any]) -> list[NDArray[Any]]:
    """Return what the variables of a network or an optimizer hold."""
    return [np.asarray(variable.numpy()) for variable in variables]


def assign(variables: Sequence[Any], values: Sequence[NDArray[Any]]) -> None:
    """Give variables their values.

    Raises
    ------
    ModelError
        When they are those of another network.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        raise ModelError(
            "A checkpoint of the CNN is of another network; delete its folder and "
            "give the same command again."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def save_variables(path: Path, values: Sequence[NDArray[Any]]) -> None:
    """Write what variables hold, in order."""
    _save(path, {f"n{index:04d}": value for index, value in enumerate(values)})


def load_variables(path: Path) -> list[NDArray[Any]]:
    """Return what ``save_variables`` wrote."""
    return _of_prefix(load_arrays(path), "n")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training; weights, optimizer and position never disagree."""

    progress: Progress
    network: list[NDArray[Any]]
    optimizer: list[NDArray[Any]]
    """Empty where the next epoch begins with a new one."""

    def save(self, path: Path) -> None:
        """Write to ``path``; what is there stays until this is whole."""
        facts = json.dumps(dataclasses.asdict(self.progress), allow_nan=False)
        arrays = {f"n{index:04d}": value for index, value in enumerate(self.network)}
        arrays |= {f"o{index:04d}": value for index, value in enumerate(self.optimizer)}
        arrays["progress"] = np.frombuffer(facts.encode(), np.uint8)
        _save(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Return what ``save`` wrote."""
        arrays = load_arrays(path)
        facts = json.loads(arrays.pop("progress").tobytes())
        facts["history"] = tuple(facts["history"])
        return cls(Progress(**facts), _of_prefix(arrays, "n"), _of_prefix(arrays, "o"))


def _of_prefix(arrays: dict[str, NDArray[Any]], prefix: str) -> list[NDArray[Any]]:
    return [arrays[name] for name in sorted(arrays) if name.startswith(prefix)]


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    # Not compressed: weights do not get smaller, and this is done every few minutes.
    with atomic_path(path) as tmp, tmp.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
