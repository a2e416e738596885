"""The loops against the same networks by ONNX Runtime, which shares no code."""

import numpy as np
import onnxruntime
import pytest

from dfhpc.faces.crop_networks import SIDES, CropNetwork, cut_crops
from dfhpc.faces.kernels.compiling import Machine, Shape
from dfhpc.faces.kernels.networks import CONVOLVE, convolve
from dfhpc.faces.kernels.writing import declarations
from dfhpc.faces.mtcnn_graphs import graph
from dfhpc.faces.mtcnn_weights import read_network
from dfhpc.faces.pnet import PNet
from dfhpc.faces.pyramid import pyramid


def _session(name):
    model = graph(name, read_network(name))
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


@pytest.fixture
def frame():
    return np.random.default_rng(3).integers(0, 256, (97, 141, 3), np.uint8)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 70])
@pytest.mark.parametrize("name", ["rnet", "onet"])
def test_crop_networks(frame, name, count):
    rng = np.random.default_rng(count)
    low = rng.uniform(-20, 90, (count, 2))
    boxes = np.column_stack([low, low + rng.uniform(5, 60, (count, 1)) + [0, 0]])
    boxes = np.column_stack([boxes, np.zeros(count)])
    found = CropNetwork(name, read_network(name)).run(frame, boxes)
    assert [len(head) for head in found] == [count] * len(found)
    if count:
        crops = cut_crops(frame, boxes, SIDES[name])[..., :count]
        pixels = np.ascontiguousarray(crops.transpose(3, 0, 1, 2))
        *heads, classes = _session(name).run(None, {"pixels": pixels})
        for got, want in zip(found, [*heads, classes[:, 1]], strict=True):
            assert np.allclose(got, want, atol=1e-5)


def test_crops_are_bilinear_and_zero_outside(frame):
    side, height, width = 24, 97, 141
    box = np.array([[-5.3, 3.1, 40.2, 110.9, 0.0]])
    (crop,) = cut_crops(frame, box, side)[..., :1].transpose(3, 0, 1, 2)
    ys = 3.1 / height * (height - 1) + np.arange(side) * (
        (110.9 - 3.1) / height * (height - 1) / (side - 1)
    )
    xs = -5.3 / width * (width - 1) + np.arange(side) * (
        (40.2 + 5.3) / width * (width - 1) / (side - 1)
    )
    values = (frame.astype(float) - 127.5) / 128
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            want = np.zeros(3)
            if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                top, left = int(y), int(x)
                down, right = min(top + 1, height - 1), min(left + 1, width - 1)
                upper = values[top, left] + (x - left) * (
                    values[top, right] - values[top, left]
                )
                lower = values[down, left] + (x - left) * (
                    values[down, right] - values[down, left]
                )
                want = upper + (y - top) * (lower - upper)
            assert np.allclose(crop[:, i, j], want, atol=1e-5)


@pytest.mark.parametrize("shape", [(20, 20), (21, 33), (97, 141), (140, 46)])
def test_pnet(shape):
    frame = np.random.default_rng(5).integers(0, 256, (*shape, 3), np.uint8)
    pnet, session = PNet(read_network("pnet")), _session("pnet")
    for level in pyramid(*shape, 20):
        pixels = _picture(frame, level)
        regression, classes = session.run(None, {"pixels": pixels})
        for strip in pnet.strips(level):
            # So low a threshold takes every cell.
            found = pnet.propose(frame, strip, 1e-9)
            rows, columns = found.rows, found.columns
            assert len(rows) == (strip.last - strip.first) * classes.shape[3]
            assert np.allclose(found.scores, classes[0, 1, rows, columns], atol=1e-4)
            want = regression[0][:, rows, columns].T
            assert np.allclose(found.offsets, want, atol=1e-4)


def _picture(frame, level):
    axes = []
    for axis, length in ((level.rows, len(frame)), (level.columns, frame.shape[1])):
        matrix = np.zeros((len(axis.first), length))
        for row, (first, count) in enumerate(zip(axis.first, axis.count, strict=True)):
            matrix[row, first : first + count] = axis.weights[row, :count]
        axes.append(matrix)
    small = np.einsum("yh,xw,hwc->cyx", *axes, frame.astype(float), optimize=True)
    return ((small[None] - 127.5) / 128).astype(np.float32)


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_every_width_of_vectors_gives_the_same_sums(lanes):
    """LLVM splits vectors that the processor at hand does not have."""
    shape = Shape(lanes, channels=4, vectors=2)
    function = convolve("convolve", shape, 3)
    text = declarations([f"<{lanes} x float>", "float"]) + function.text()
    machine = Machine(text, {"convolve": CONVOLVE})
    rng = np.random.default_rng(0)
    planes = rng.normal(size=(5, 6, 2 * shape.block + 2)).astype(np.float32)
    weights = rng.normal(size=(2, 4 * (2 + 5 * 9))).astype(np.float32)
    out = np.empty((8, 4, 2 * shape.block), np.float32)
    machine["convolve"](
        planes.ctypes.data, planes[0].size, planes.shape[2], 1, 5,
        weights.ctypes.data, out.ctypes.data, out[0].size, out.shape[2], 4, 2, 2,
    )  # fmt: skip
    windows = np.lib.stride_tricks.sliding_window_view(planes, (3, 3), (1, 2))
    for group in range(2):
        bias, slope, *taps = weights[group].reshape(-1, 4)
        kernel = np.array(taps).reshape(5, 3, 3, 4)
        want = np.einsum("cyxij,cijo->oyx", windows, kernel) + bias[:, None, None]
        want = np.where(want > 0, want, want * slope[:, None, None])
        assert np.allclose(out[4 * group : 4 * group + 4], want, atol=1e-4)
