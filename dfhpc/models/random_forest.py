"""Random forest out of core: each tree on its own columns and bootstrap of rows.

Louppe & Geurts 2012, "Ensembles on random patches": trees on random subsets of
rows and columns are as accurate as trees on all, at a fraction of the memory. No
process ever holds all columns of all rows.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import ROW_LENGTH
from dfhpc.model_configs import RandomForestConfig
from dfhpc.models.base import TRAINING_ROWS_NAME, Model, TrainingRows
from dfhpc.models.forest import Forest
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import RowReader

FOREST_NAME = "forest.npz"

PATCHES_BYTES = 768 * 1024**2
"""Columns gathered in one pass over the store, for as many trees as fit."""

ROWS_AT_ONCE = 8
"""Rows from which every tree takes its columns while a cache still has them."""

BOOTSTRAP_SHARE = 1 - np.exp(-1)
"""Share of rows that a bootstrap of many rows draws at least once."""


class RandomForestTrainer:
    """Grows trees as independent units, each with a done-mark of its own."""

    def __init__(self, model_id: str, config: RandomForestConfig) -> None:
        """Take the name of the model's folder and the settings."""
        self._model_id = model_id
        self._config = config

    @property
    def num_steps(self) -> int:
        """Trees."""
        return self._config.num_trees

    def _patch_bytes(self, num_rows: int) -> int:
        """Return the size of one tree's columns and rows, as uint8."""
        share = min(1.0, BOOTSTRAP_SHARE * 1.05)
        return int(num_rows * share * self._columns)

    @property
    def _columns(self) -> int:
        return min(self._config.columns_per_tree, ROW_LENGTH)

    def trees_per_task(self, num_rows: int, num_workers: int) -> int:
        """Return for how many trees a task gathers columns in one pass."""
        if self._config.trees_per_task is not None:
            return self._config.trees_per_task
        room = max(1, PATCHES_BYTES // max(1, self._patch_bytes(num_rows)))
        fair = -(-self._config.num_trees // max(1, num_workers))
        return min(room, fair)

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return a worker's peak: its patches, one of them twice, two shards."""
        patch = self._patch_bytes(num_rows)
        patches = patch * self.trees_per_task(num_rows, num_workers=1)
        return PROCESS_BYTES + patches + patch + 2 * shard_bytes

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Grow the trees that are not there yet, then join all in one file."""
        model_dir = run.model_dir(self._model_id)
        num_rows = len(TrainingRows.load(model_dir / TRAINING_ROWS_NAME).rows)
        count = self._config.num_trees
        missing = [t for t in range(count) if not _tree_path(model_dir, t).exists()]
        advance(count - len(missing))
        size = self.trees_per_task(num_rows, pool.num_workers)
        tasks = [tuple(missing[i : i + size]) for i in range(0, len(missing), size)]
        for _, grown in run_units(pool, self._units(run, tasks)):
            advance(grown)
        trees = [Forest.load(_tree_path(model_dir, tree)) for tree in range(count)]
        forest = Forest.joined(trees)
        forest.save(model_dir / FOREST_NAME)
        return {"trees": count, "nodes": len(forest.feature)}

    def _units(
        self, run: RunDirectory, tasks: Iterable[tuple[int, ...]]
    ) -> Iterable[Unit]:
        fixed = (run.store_path, run.model_dir(self._model_id), self._config)
        for trees in tasks:
            key = f"{self._model_id}-trees-{trees[0]}"
            yield Unit.fixed(key, grow_trees, *fixed, trees)

    def files(self) -> tuple[str, ...]:
        """Return the one file of a trained forest."""
        return (FOREST_NAME,)

    def load(self, model_dir: Path) -> Model:
        """Return the trained forest."""
        return Forest.load(model_dir / FOREST_NAME)


def _tree_path(model_dir: Path, tree: int) -> Path:
    return model_dir / "trees" / f"{tree:05d}.npz"


def grow_trees(
    store_path: Path,
    model_dir: Path,
    config: RandomForestConfig,
    trees: tuple[int, ...],
) -> int:
    """Grow some trees of the training rows in ``model_dir``; return how many.

    A tree depends on the training rows, the settings and its number alone.
    """
    training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
    draws = [_Draw(config, tree, len(training.rows)) for tree in trees]
    position = 0
    for rows, pixels in RowReader(store_path).iter_partitions(training.rows):
        for first in range(0, len(rows), ROWS_AT_ONCE):
            for draw in draws:
                draw.gather(pixels[first : first + ROWS_AT_ONCE], position + first)
        position += len(rows)
    class_weights = training.class_weights(balanced=config.balanced)
    for tree in trees:
        forest = draws.pop(0).grow(training.labels, class_weights)
        forest.save(_tree_path(model_dir, tree))
    return len(trees)


class _Draw:
    """The columns and the bootstrap of one tree, and their values once gathered."""

    def __init__(
        self,
        config: RandomForestConfig,
        tree: int,
        num_rows: int,
        num_columns: int = ROW_LENGTH,
    ) -> None:
        rng = np.random.default_rng([config.seed, tree])
        count = min(config.columns_per_tree, num_columns)
        self._config = config
        self._columns = np.sort(rng.choice(num_columns, count, replace=False))
        drawn = rng.integers(0, num_rows, num_rows)
        self._weights = np.bincount(drawn, minlength=num_rows)
        self._chosen = np.flatnonzero(self._weights)
        self._seed = int(rng.integers(2**63))
        self._patch = np.empty((len(self._chosen), count), np.uint8)

    def gather(self, pixels: NDArray[np.uint8], position: int) -> None:
        """Take what this tree wants of training rows ``position`` and on."""
        from dfhpc.models.trees import take

        first, last = np.searchsorted(self._chosen, [position, position + len(pixels)])
        inside = self._chosen[first:last] - position
        take(pixels, inside, self._columns, self._patch[first:last])

    def grow(self, labels: NDArray[np.int8], class_weights: dict[int, float]) -> Forest:
        """Return the tree; rows that the bootstrap left out have no part in it."""
        from dfhpc.models.trees import grow_tree

        return grow_tree(
            self._patch,
            self._columns,
            self._config,
            fake=labels[self._chosen] == 1,
            draws=self._weights[self._chosen],
            class_weights=class_weights,
            seed=self._seed,
        )
