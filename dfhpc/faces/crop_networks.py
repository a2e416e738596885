"""R-Net and O-Net, the second and third network of MTCNN, on candidates' crops.

Crops lie side by side in memory: where one pixel of one crop is, the same pixel of
the next crop follows. So a vector holds a pixel of several crops, whose networks run
in step, and no lane is lost at the edges of pictures of 24 x 24.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.boxes import Candidates
from dfhpc.faces.kernels.compiling import shape_at_hand
from dfhpc.faces.kernels.machine import machine
from dfhpc.faces.kernels.scratch import scratch
from dfhpc.faces.mtcnn_graphs import POOLS
from dfhpc.faces.mtcnn_weights import Layer, Network
from dfhpc.faces.workers import ONE_WORKER, Workers

Floats = NDArray[np.float32]

SIDES = {"rnet": 24, "onet": 48}
"""Height and width of a crop."""

MOST_CROPS = {"rnet": 64, "onet": 16}
"""Crops at a time: more would leave the processor's caches."""


def cut_crops(frame: NDArray[np.uint8], boxes: Candidates, side: int) -> Floats:
    """Return boxes of a frame as (3, side, side, lanes), from -1 to 1.

    Lanes are as many as there are boxes, rounded up to whole vectors. ``frame`` is
    RGB (height, width, 3), C-contiguous. A box may reach over the frame.
    """
    lanes = shape_at_hand().lanes
    step = math.ceil(len(boxes) / lanes) * lanes
    out = scratch("crops", 3, side, side, step)
    height, width = frame.shape[:2]
    y_places, y_weights = _samples(boxes[:, 1], boxes[:, 3], height, side)
    x_places, x_weights = _samples(boxes[:, 0], boxes[:, 2], width, side)
    y_places *= frame.strides[0]
    x_places *= 3
    arrays = (y_places, y_weights, x_places, x_weights, out)
    addresses = (array.ctypes.data for array in arrays)
    machine()["crop"](frame.ctypes.data, *addresses, len(boxes), side, step)
    return out


def _samples(
    low: NDArray[np.float64], high: NDArray[np.float64], length: int, side: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return the two pixels that each sample lies between, and their weights.

    Both (boxes, side, 2). Places of samples are those of TensorFlow's
    ``crop_and_resize`` on boxes divided by the length.
    """
    start = low / length * (length - 1)
    apart = (high - low) / length * (length - 1) / (side - 1)
    places = start[:, None] + np.arange(side) * apart[:, None]
    is_inside = (places >= 0) & (places <= length - 1)
    before = np.floor(np.where(is_inside, places, 0))
    beyond = np.where(is_inside, places, 0) - before
    pixels = np.stack([before, np.minimum(before + 1, length - 1)], -1)
    weights = np.stack([1 - beyond, beyond], -1) * is_inside[..., None]
    return pixels.astype(np.int64), np.ascontiguousarray(weights, np.float32)


@dataclass(frozen=True)
class _Step:
    """A layer as the loops read it, and the pool after it."""

    weights: Floats
    """(groups, values of a group)."""
    channels: int
    side: int
    pool: tuple[int, str] | None


class CropNetwork:
    """R-Net or O-Net."""

    def __init__(self, name: str, network: Network) -> None:
        """Arrange the weights as the loops read them."""
        self.side, self._most = SIDES[name], MOST_CROPS[name]
        self._heads = [head.bias.size for head in network.heads]
        self._steps = [
            _Step(_pack(layer), layer.bias.size, layer.weights.shape[0], pool)
            for layer, pool in zip(network.body, POOLS[name], strict=False)
        ]
        dense = network.body[len(self._steps) :]
        inner = network.body[len(self._steps) - 1].bias.size
        layers = [_reordered(dense[0], inner), *dense[1:], _joined(network.heads)]
        self._steps += [_Step(_pack(each), each.bias.size, 1, None) for each in layers]

    def run(
        self, frame: NDArray[np.uint8], boxes: Candidates, workers: Workers = ONE_WORKER
    ) -> list[Floats]:
        """Return the heads' values, (boxes, values) each; the last: P(face)."""
        share = math.ceil(len(boxes) / workers.count)
        size = min(self._most, max(share, shape_at_hand().lanes))
        parts = [boxes[k : k + size] for k in range(0, len(boxes), size)]

        def work(some: Candidates) -> Floats:
            found = self._run(cut_crops(frame, some, self.side))
            # The lanes beyond hold no box; and this memory is used again.
            return found[:, : len(some)].T.copy()

        none = np.empty((0, sum(self._heads)), np.float32)
        values = np.concatenate([none, *workers.map(work, parts)])
        *heads, classes = np.split(values, np.cumsum(self._heads)[:-1], 1)
        odds = classes[:, 1] - classes[:, 0]
        return [*heads, 1 / (1 + np.exp(-odds))]

    def _run(self, crops: Floats) -> Floats:
        """Return all heads' values, (values, lanes)."""
        for number, step in enumerate(self._steps):
            if step.side == 1:
                crops = crops.reshape(-1, 1, 1, crops.shape[-1])
            crops = _convolved(crops, step, f"convolved {number % 2}")
            if step.pool is not None:
                crops = _pooled(crops, *step.pool)
        return crops.reshape(len(crops), -1)


def _convolved(planes: Floats, step: _Step, purpose: str) -> Floats:
    channels, height, width, lanes = planes.shape
    size = shape_at_hand().for_crops()
    groups = len(step.weights)
    rows, columns = height - step.side + 1, width - step.side + 1
    out = scratch(purpose, groups * size.channels, rows, columns, lanes)
    machine()[f"convolve_crops_{step.side}"](
        planes.ctypes.data,
        planes[0].size,
        planes[0, 0].size,
        lanes,
        channels,
        step.weights.ctypes.data,
        out.ctypes.data,
        out[0].size,
        out[0, 0].size,
        rows,
        columns * lanes // size.block,
        groups,
    )
    # The last group of channels may be filled up.
    return out[: step.channels]


def _pooled(planes: Floats, side: int, padding: str) -> Floats:
    channels, height, width, lanes = planes.shape
    if padding == "VALID":
        rows, columns = (height - side) // 2 + 1, (width - side) // 2 + 1
    else:
        rows, columns = -(-height // 2), -(-width // 2)
    out = scratch("pooled", channels, rows, columns, lanes)
    machine()["pool"](
        planes.ctypes.data,
        planes[0].size,
        planes[0, 0].size,
        height,
        width,
        side,
        out.ctypes.data,
        out[0].size,
        out[0, 0].size,
        channels,
        rows,
        columns,
        lanes,
    )
    return out


def _reordered(layer: Layer, channels: int) -> Layer:
    """Return the first dense layer for values by channel, row, column.

    It was trained on values by column, row, channel.
    """
    inputs, outputs = layer.weights.shape
    side = math.isqrt(inputs // channels)
    weights = layer.weights.reshape(side, side, channels, outputs)
    ordered = weights.transpose(2, 1, 0, 3).reshape(inputs, outputs)
    return Layer(ordered, layer.bias, layer.slope)


def _joined(heads: Sequence[Layer]) -> Layer:
    """Return the heads as one layer, which bends nothing."""
    bias = np.concatenate([head.bias for head in heads])
    weights = np.concatenate([head.weights for head in heads], 1)
    return Layer(weights, bias, np.ones_like(bias))


def _pack(layer: Layer) -> Floats:
    """Return the weights in groups of channels, the last filled up with zeros."""
    taps = layer.weights
    if taps.ndim == 4:
        taps = taps.transpose(2, 0, 1, 3).reshape(-1, taps.shape[3])
    assert layer.slope is not None
    columns = np.concatenate([layer.bias[None], layer.slope[None], taps])
    size = shape_at_hand().for_crops().channels
    groups = math.ceil(columns.shape[1] / size)
    filled = np.zeros((len(columns), groups * size), np.float32)
    filled[:, : columns.shape[1]] = columns
    by_group = filled.reshape(len(columns), groups, size).transpose(1, 0, 2)
    return np.ascontiguousarray(by_group.reshape(groups, -1))
