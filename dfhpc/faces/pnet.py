"""P-Net over the pyramid of a frame, in strips that fit into the processor's cache.

Each strip is a job of its own, from the pixels of the frame to its candidates, so
that threads share nothing and large frames take no more memory than small ones.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.kernels.compiling import shape_at_hand
from dfhpc.faces.kernels.machine import machine
from dfhpc.faces.kernels.scratch import scratch
from dfhpc.faces.mtcnn_weights import Layer, Network
from dfhpc.faces.pyramid import CELL, Level

Floats = NDArray[np.float32]

STRIDE = 2
"""Pixels of a level between two cells."""

STRIP_FLOATS = 12_000
"""Length of a row times rows of a strip: its widest activations take 0.8 MB."""

HALO = 4
"""Rows of pools beyond the rows of the result: two convolutions of 3 x 3."""


@dataclass(frozen=True)
class Strip:
    """Rows ``first`` to ``last`` of what P-Net makes of a level."""

    level: Level
    first: int
    last: int


@dataclass(frozen=True)
class Proposals:
    """Cells of a strip that look like a face."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    scores: Floats
    offsets: Floats
    """(cells, 4): what to add to the corners, in sides of the cell."""


def result_size(height: int, width: int) -> tuple[int, int]:
    """Return how many cells P-Net looks at, down and across.

    >>> result_size(12, 13)
    (1, 2)
    """
    return -(-(height - 2) // 2) - HALO, -(-(width - 2) // 2) - HALO


def _row_length(width: int) -> int:
    """Return a row's length in memory: whole blocks, and what is read beyond."""
    block = shape_at_hand().block
    return math.ceil(width / block) * block + block


class PNet:
    """The first network of MTCNN: where a face might be."""

    def __init__(self, network: Network) -> None:
        """Arrange the weights as the loops read them."""
        first, second, third = network.body
        regression, classes = network.heads
        self._first = _pack_first(first)
        self._second = _pack(second)
        difference = classes.weights[0, 0, :, 1] - classes.weights[0, 0, :, 0]
        self._third = _pack(third, difference)
        self._bias = np.float32(classes.bias[1] - classes.bias[0])
        self._offsets = _Offsets(third, regression)
        machine()

    def strips(self, level: Level) -> Iterator[Strip]:
        """Yield the strips of a level, none for one that P-Net sees nothing of."""
        height, width = result_size(level.height, level.width)
        if height < 1 or width < 1:
            return
        count = max(1, round(height * _row_length(width + HALO) / STRIP_FLOATS))
        edges = [height * k // count for k in range(count + 1)]
        for first, last in pairwise(edges):
            yield Strip(level, first, last)

    def propose(
        self, frame: NDArray[np.uint8], strip: Strip, threshold: float
    ) -> Proposals:
        """Return the cells of a strip whose score is above ``threshold``.

        ``frame`` is RGB (height, width, 3), C-contiguous.
        """
        pools = self._pool(shrink(frame, strip), strip)
        second = self._convolve(pools, strip)
        odds = self._odds(second, strip)
        limit = math.log(threshold / (1 - threshold))
        rows, columns = np.nonzero(odds > limit)
        scores = (1 / (1 + np.exp(-odds[rows, columns]))).astype(np.float32)
        offsets = self._offsets.at(second, rows, columns)
        return Proposals(rows + strip.first, columns, scores, offsets)

    def _pool(self, planes: Floats, strip: Strip) -> Floats:
        """Return the pooled activations, (10, rows, row length)."""
        shape = shape_at_hand()
        level, rows = strip.level, strip.last - strip.first + HALO
        pool_width = result_size(level.height, level.width)[1] + HALO
        out = scratch("pools", 10, rows, _row_length(pool_width))
        row = planes.shape[3]
        # The last pool of an odd number of rows has one row.
        is_cut = 2 * (strip.first + rows) > level.height - 2
        whole = rows - is_cut
        for start, count, second in ((0, whole, row), (whole, int(is_cut), 0)):
            machine()["first"](
                planes[0, 0, 2 * start :].ctypes.data,
                planes[0].size,
                planes[0, 0].size,
                row,
                second,
                self._first.ctypes.data,
                out[0, start:].ctypes.data if count else 0,
                out[0].size,
                out.shape[2],
                count,
                math.ceil(pool_width / shape.lanes),
                len(self._first),
                (level.width - 2) // 2,
            )
        return out

    def _convolve(self, pools: Floats, strip: Strip) -> Floats:
        """Return the activations of the second convolution, (16, rows, row length)."""
        rows = pools.shape[1] - 2
        out = scratch("second", 16, rows, pools.shape[2])
        self._call("convolve", pools, self._second, (out[0].size, out), strip)
        return out

    def _odds(self, second: Floats, strip: Strip) -> Floats:
        """Return the logarithm of a face's odds, (rows, columns)."""
        rows = second.shape[1] - 2
        out = scratch("odds", rows, second.shape[2])
        out[:] = self._bias
        self._call("convolve_dot", second, self._third, (0, out), strip)
        return out[:, : result_size(strip.level.height, strip.level.width)[1]]

    @staticmethod
    def _call(
        name: str,
        planes: Floats,
        weights: Floats,
        out: tuple[int, Floats],
        strip: Strip,
    ) -> None:
        plane, result = out
        width = result_size(strip.level.height, strip.level.width)[1] + HALO
        machine()[name](
            planes.ctypes.data,
            planes[0].size,
            planes.shape[2],
            1,
            len(planes),
            weights.ctypes.data,
            result.ctypes.data,
            plane,
            result.shape[-1],
            result.shape[-2],
            math.ceil(width / shape_at_hand().block),
            len(weights),
        )


class _Offsets:
    """The regression of boxes, computed where a face may be and nowhere else."""

    def __init__(self, third: Layer, regression: Layer) -> None:
        self._weights = third.weights.transpose(2, 0, 1, 3).reshape(-1, 32)
        self._bias, self._slope = third.bias, third.slope
        self._head = regression

    def at(self, second: Floats, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
        """Return the offsets of some cells, (cells, 4)."""
        windows = np.lib.stride_tricks.sliding_window_view(second, (3, 3), (1, 2))
        seen = (
            windows[:, rows, columns]
            .transpose(1, 0, 2, 3)
            .reshape(-1, len(self._weights))
        )
        values = seen @ self._weights + self._bias
        values = np.maximum(values, 0) + self._slope * np.minimum(values, 0)
        found: Floats = values @ self._head.weights[0, 0] + self._head.bias
        return found


def shrink(frame: NDArray[np.uint8], strip: Strip) -> Floats:
    """Return the rows of a level that a strip looks at.

    As planes: (parity of the column, 3, rows, row length).
    """
    level = strip.level
    first = 2 * strip.first
    last = min(2 * (strip.last + HALO) + 2, level.height)
    lanes = shape_at_hand().lanes
    length = math.ceil(level.width / 2 / lanes) * lanes + 2 * lanes
    planes = scratch("planes", 2, 3, last - first, length)
    line = scratch("line", frame.shape[1] * 3 + 4)
    rows, columns = level.rows, level.columns
    machine()["resize"](
        frame.ctypes.data,
        frame.strides[0],
        frame.shape[1] * 3,
        rows.first[first:].ctypes.data,
        rows.count[first:].ctypes.data,
        rows.weights[first:].ctypes.data,
        rows.weights.shape[1],
        last - first,
        columns.first.ctypes.data,
        columns.count.ctypes.data,
        columns.weights.ctypes.data,
        columns.weights.shape[1],
        level.width,
        line.ctypes.data,
        planes.ctypes.data,
        planes[0].size,
        planes[0, 0].size,
        length,
    )
    return planes


def _pack_first(layer: Layer) -> Floats:
    """Return weights that take pixels of 0 to 255, (pairs, values of a pair)."""
    weights = layer.weights.astype(np.float64) / 128
    bias = layer.bias - 127.5 * weights.sum((0, 1, 2))
    taps = weights.transpose(2, 0, 1, 3).reshape(-1, weights.shape[3])
    assert layer.slope is not None
    columns = np.concatenate([bias[None], layer.slope[None], taps])
    return _grouped(columns, 2)


def _pack(layer: Layer, head: Floats | None = None) -> Floats:
    """Return weights of a convolution, (groups, values of a group)."""
    taps = layer.weights.transpose(2, 0, 1, 3).reshape(-1, layer.weights.shape[3])
    assert layer.slope is not None
    heads = [] if head is None else [head[None]]
    columns = np.concatenate([layer.bias[None], layer.slope[None], *heads, taps])
    return _grouped(columns, shape_at_hand().channels)


def _grouped(columns: NDArray[Any], size: int) -> Floats:
    """Return (groups, rows * size) from (rows, channels)."""
    rows, channels = columns.shape
    groups = columns.reshape(rows, channels // size, size).transpose(1, 0, 2)
    return np.ascontiguousarray(groups.reshape(channels // size, -1), np.float32)


def cell_boxes(proposals: Proposals, scale: float) -> NDArray[np.float64]:
    """Return the boxes in frame pixels, (cells, 5), the best first."""
    corners = np.stack([proposals.columns, proposals.rows], 1) * STRIDE + 1
    low = corners + proposals.offsets[:, :2] * (CELL - 1)
    high = corners + CELL - 1 + proposals.offsets[:, 2:] * (CELL - 1)
    boxes = np.concatenate([low / scale, high / scale], 1)
    return np.column_stack([boxes, proposals.scores]).astype(np.float64)
