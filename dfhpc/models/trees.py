"""One decision tree of bytes, by loops that are compiled when first called.

It is the tree of scikit-learn's DecisionTreeClassifier, which sorts where this counts:
Gini impurity, thresholds midway between neighbours, leaves that are pure or too small.
"""

import numpy as np
from numpy.typing import NDArray

from dfhpc.model_configs import RandomForestConfig
from dfhpc.models.compiled import compiled
from dfhpc.models.cuts import HIGH_HALF, Bytes, Ints, Packed, Patch, new_work
from dfhpc.models.forest import LEAF, Forest
from dfhpc.models.growing import Nodes, State, grow

TILE_ROWS, TILE_COLUMNS = 16, 64
"""What is transposed at a time."""


def grow_tree(
    patch: Bytes,
    columns: Ints,
    config: RandomForestConfig,
    *,
    fake: NDArray[np.bool_],
    draws: Ints,
    class_weights: dict[int, float],
    seed: int,
) -> Forest:
    """Return the tree of the rows of ``patch``, (rows, columns).

    ``columns`` names those of the patch. ``draws`` says how often each row was drawn,
    and ``class_weights`` what a draw of a real (0) and of a fake (1) row weighs. A node
    tries ``max_features`` columns, and goes on one by one while none can be cut.
    """
    num_rows = len(patch)
    packed = draws.astype(np.uint64) << np.where(fake, HIGH_HALF, np.uint64(0))
    by_column = np.empty(patch.shape[::-1], np.uint8)
    transpose(patch, by_column)
    weights = np.array([class_weights[0], class_weights[1]], np.float64)
    view = Patch(patch, by_column, weights, config.min_rows_leaf)
    max_depth = -1 if config.max_depth is None else config.max_depth
    nodes = _new_nodes(2 * num_rows)
    state = _new_state(packed, len(columns), seed)
    count = grow(view, config.max_features, max_depth, nodes, state, new_work())
    feature = nodes.feature[:count]
    return Forest(
        roots=np.zeros(1, np.int32),
        feature=np.where(feature == LEAF, LEAF, columns[feature]).astype(np.int32),
        threshold=nodes.threshold[:count],
        left=nodes.left[:count],
        right=nodes.right[:count],
        value=nodes.value[:count],
    )


def _new_nodes(capacity: int) -> Nodes:
    return Nodes(
        feature=np.full(capacity, LEAF, np.int32),
        threshold=np.zeros(capacity, np.uint8),
        left=np.full(capacity, LEAF, np.int32),
        right=np.full(capacity, LEAF, np.int32),
        value=np.zeros(capacity),
    )


def _new_state(draws: Packed, num_columns: int, seed: int) -> State:
    num_rows = len(draws)
    return State(
        rows=np.arange(num_rows, dtype=np.uint32),
        draws=draws,
        spare_rows=np.empty(num_rows, np.uint32),
        spare_draws=np.empty(num_rows, np.uint64),
        order=np.arange(num_columns),
        random=np.array([seed], np.uint64),
        stack=np.zeros((num_rows + 1, 4), np.int64),
    )


@compiled
def take(pixels: Bytes, rows: Ints, columns: Ints, patch: Bytes) -> None:
    """Fill ``patch`` with some columns of some rows of ``pixels``."""
    for i in range(len(rows)):
        for k in range(len(columns)):
            patch[i, k] = pixels[rows[i], columns[k]]


@compiled
def transpose(rows: Bytes, columns: Bytes) -> None:
    """Fill ``columns`` with ``rows``, a tile at a time, as caches like it."""
    height, width = rows.shape
    for top in range(0, height, TILE_ROWS):
        for left in range(0, width, TILE_COLUMNS):
            for c in range(left, min(left + TILE_COLUMNS, width)):
                for r in range(top, min(top + TILE_ROWS, height)):
                    columns[c, r] = rows[r, c]
