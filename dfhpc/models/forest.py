"""A forest as plain arrays: decision trees over the columns of rows, and their scores.

Over pixels, thresholds are uint8 as the pixels are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import ModelError
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.walking import walker

LEAF = -1


@dataclass(frozen=True)
class Forest:
    """The nodes of one tree or of many, one after the other."""

    roots: NDArray[np.int32]
    """First node of each tree."""
    feature: NDArray[np.int32]
    """Column that a node asks for; -1 at a leaf."""
    threshold: NDArray[Any]
    """A row goes left where its value is at most this."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    """Share of fakes, by weight, among the training rows in the node."""

    def score(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the mean over the trees of the share of fakes in each row's leaf."""
        return np.asarray(self.score_steps(rows, [len(self.roots)])[0])

    def score_steps(
        self, rows: NDArray[Any], counts: Sequence[int]
    ) -> NDArray[np.float64]:
        """Return the scores by the first trees alone, for several numbers of them.

        (counts, rows); ``counts`` ascend.

        Raises
        ------
        ModelError
            When the forest has fewer trees, or ``counts`` do not ascend from 1.
        """
        steps = np.array(counts, np.int64)
        if (np.diff(steps, prepend=0) < 1).any() or steps[-1] > len(self.roots):
            raise ModelError(
                f"A forest of {len(self.roots)} trees cannot be scored after "
                f"{list(counts)} of them; name ascending numbers in that range."
            )
        sums = np.empty((len(steps), len(rows)))
        walk = walker(len(rows) * int(steps[-1]))
        walk(
            self.roots,
            self.feature,
            self.threshold,
            self.left,
            self.right,
            self.value,
            np.ascontiguousarray(rows),
            steps,
            sums,
        )
        return sums / steps[:, None]

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all."""
        save_arrays(path, {f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Forest":
        """Return what ``save`` wrote."""
        return cls(**load_arrays(path))

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
