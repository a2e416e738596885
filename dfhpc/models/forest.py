"""A forest as plain arrays: decision trees over uint8 columns, and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.store.reading import Pixels

LEAF = -1


@dataclass(frozen=True)
class Forest:
    """The nodes of one tree or of many, one after the other."""

    roots: NDArray[np.int32]
    """First node of each tree."""
    feature: NDArray[np.int32]
    """Column that a node asks for; -1 at a leaf."""
    threshold: NDArray[np.uint8]
    """A row goes left where its value is at most this."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    """Share of fakes, by weight, among the training rows in the node."""

    def score(self, rows: Pixels) -> NDArray[np.float64]:
        """Return the mean over the trees of the share of fakes in each row's leaf."""
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots))).copy()
        at = np.arange(len(rows))[:, None]
        while True:
            feature = self.feature[node]
            inner = feature != LEAF
            if not inner.any():
                return np.asarray(self.value[node].mean(axis=1))
            goes_left = rows[at, np.maximum(feature, 0)] <= self.threshold[node]
            child = np.where(goes_left, self.left[node], self.right[node])
            node = np.where(inner, child, node)

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        save_arrays(path, {f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Forest":
        """Return what ``save`` wrote."""
        return cls(**load_arrays(path))

    @classmethod
    def from_sklearn(cls, tree: Any, columns: NDArray[np.int64]) -> "Forest":
        """Return one fitted ``DecisionTreeClassifier`` of classes 0 and 1.

        Its column ``i`` is column ``columns[i]`` of a row. Values are integers, so
        a threshold between two of them is as good as its floor.
        """
        nodes = tree.tree_
        column = columns[np.maximum(nodes.feature, 0)]
        feature = np.where(nodes.feature >= 0, column, LEAF)
        share = nodes.value[:, 0, :] / nodes.value[:, 0, :].sum(axis=1, keepdims=True)
        fake = np.flatnonzero(tree.classes_ == 1)
        return cls(
            roots=np.zeros(1, np.int32),
            feature=feature.astype(np.int32),
            threshold=np.clip(np.floor(nodes.threshold), 0, 255).astype(np.uint8),
            left=nodes.children_left.astype(np.int32),
            right=nodes.children_right.astype(np.int32),
            value=share[:, fake].sum(axis=1),
        )

    @classmethod
    def joined(cls, forests: Sequence["Forest"]) -> "Forest":
        """Return one forest of all trees, in order."""
        offsets = np.cumsum([0] + [len(forest.feature) for forest in forests])
        shifted = list(zip(forests, offsets[:-1], strict=True))
        return cls(
            roots=np.concatenate([f.roots + o for f, o in shifted]).astype(np.int32),
            feature=np.concatenate([f.feature for f in forests]),
            threshold=np.concatenate([f.threshold for f in forests]),
            left=np.concatenate([f.left + o for f, o in shifted]).astype(np.int32),
            right=np.concatenate([f.right + o for f, o in shifted]).astype(np.int32),
            value=np.concatenate([f.value for f in forests]),
        )
