"""The loop that grows a tree: a node, its best cut, its two children."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfhpc.models.compiled import compiled
from dfhpc.models.cuts import (
    HIGH_HALF,
    LOW_HALF,
    Bytes,
    Floats,
    Ints,
    Packed,
    Patch,
    RowNumbers,
    Work,
    best_cut,
)

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
"""Constants of splitmix64 (Steele, Lea and Flood 2014)."""


class Nodes(NamedTuple):
    """The nodes of a tree, as in a ``Forest``, which ask for columns of the patch."""

    feature: NDArray[np.int32]
    threshold: Bytes
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats


class State(NamedTuple):
    """What changes while a tree grows."""

    rows: RowNumbers
    """Those of a node lie together, ascending."""
    draws: Packed
    """Of each of ``rows``."""
    spare_rows: RowNumbers
    spare_draws: Packed
    order: Ints
    """All columns, in the order in which they were drawn last."""
    random: NDArray[np.uint64]
    """State of the generator: (1,)"""
    stack: Ints
    """Nodes to do: number, first row, last row + 1, depth."""


@compiled
def below(limit: int, random: NDArray[np.uint64]) -> np.int64:
    """Return a random number below ``limit`` and step ``random``: splitmix64."""
    random[0] += GOLDEN
    mixed = random[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
    mixed = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)
    return np.int64((mixed * np.uint64(limit)) >> np.uint64(32))


@compiled
def draw_columns(state: State, drawn: int, count: int) -> Ints:
    """Return ``count`` columns that are not among the ``drawn`` first in the order."""
    order = state.order
    for k in range(drawn, drawn + count):
        other = k + below(len(order) - k, state.random)
        order[k], order[other] = order[other], order[k]
    return order[drawn : drawn + count]


@compiled
def find_cut(
    patch: Patch,
    start: int,
    stop: int,
    total: np.uint64,
    max_features: int,
    state: State,
    work: Work,
) -> tuple[int, int]:
    """Return the best column of those that are drawn, and its cut; -1 if none."""
    rows, draws = state.rows[start:stop], state.draws[start:stop]
    num_columns = len(state.order)
    drawn, size = 0, min(max_features, num_columns)
    while drawn < num_columns:
        tried = draw_columns(state, drawn, size)
        column, value = best_cut(patch, tried, rows, draws, total, work)
        if column >= 0:
            return column, value
        drawn += size
        size = 1
    return -1, 0


@compiled
def divide(
    values: Bytes, cut: int, start: int, stop: int, state: State
) -> tuple[int, np.int64]:
    """Put the rows up to ``cut`` first; return where the others begin.

    Also the threshold, midway to the next value. Both sides keep their order.
    """
    middle, moved, above = start, 0, np.int64(255)
    for i in range(start, stop):
        row, draw = state.rows[i], state.draws[i]
        value = np.int64(values[row])
        if value <= cut:
            state.rows[middle], state.draws[middle] = row, draw
            middle += 1
        else:
            state.spare_rows[moved], state.spare_draws[moved] = row, draw
            moved += 1
            above = value if value < above else above
    for i in range(moved):
        state.rows[middle + i] = state.spare_rows[i]
        state.draws[middle + i] = state.spare_draws[i]
    return middle, (cut + above) // 2


@compiled
def fake_share(total: np.uint64, weights: Floats) -> float:
    """Return the share of fakes by weight; an absent class may weigh infinity."""
    reals, fakes = np.float64(total & LOW_HALF), np.float64(total >> HIGH_HALF)
    if reals == 0 or fakes == 0:
        return 1.0 if fakes > 0 else 0.0
    weight_fakes = weights[1] * fakes
    share: float = weight_fakes / (weights[0] * reals + weight_fakes)
    return share


@compiled
def grow(
    patch: Patch,
    max_features: int,
    max_depth: int,
    nodes: Nodes,
    state: State,
    work: Work,
) -> int:
    """Fill ``nodes``, the root first, and return how many there are."""
    count, waiting = 1, 1
    state.stack[0, 2] = len(state.rows)
    while waiting > 0:
        waiting -= 1
        node, start, stop, depth = state.stack[waiting]
        total = np.uint64(0)
        for i in range(start, stop):
            total += state.draws[i]
        nodes.value[node] = fake_share(total, patch.weights)
        pure = (total & LOW_HALF) == 0 or (total >> HIGH_HALF) == 0
        if pure or depth == max_depth or stop - start < 2 * patch.min_rows:
            continue
        column, cut = find_cut(patch, start, stop, total, max_features, state, work)
        if column < 0:
            continue
        middle, above = divide(patch.by_column[column], cut, start, stop, state)
        nodes.feature[node], nodes.threshold[node] = column, above
        for child, first, last in ((count + 1, middle, stop), (count, start, middle)):
            item = state.stack[waiting]
            item[0], item[1], item[2], item[3] = child, first, last, depth + 1
            waiting += 1
        nodes.left[node], nodes.right[node] = count, count + 1
        count += 2
    return count
