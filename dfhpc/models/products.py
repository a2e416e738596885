"""Exact products of small integers: the arithmetic under the Gram matrix.

Pixels less 128 fit a signed byte, and a sum of products of two signed bytes fits 32
bits for panels of up to 65,536 columns. Processors with VNNI or a like instruction
multiply bytes several times as fast as float32, through ONNX Runtime's
MatMulInteger; elsewhere float32 is exact too, as long as no sum passes 2**24. All
kernels return the same integers, so a Gram matrix is the same on any machine.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

ZERO = 128
"""What is taken from a pixel, so that it fits a signed byte."""

MAX_COLUMNS = 65_536
"""255 * 128 * 65,536 is just below 2**31."""

FLOAT32_COLUMNS = 1024
"""128 * 128 * 1024 is 2**24: below it, float32 holds every integer."""

Bytes = NDArray[np.uint8]
SignedBytes = NDArray[np.int8]
Product = Callable[[Bytes, SignedBytes], NDArray[np.int32]]
"""From pixels (m, k) and signed bytes (k, n) to ``(pixels - 128) @ bytes``, (m, n)."""


def float32_product(pixels: Bytes, other: SignedBytes) -> NDArray[np.int32]:
    """Multiply in float32, in panels so narrow that every sum is exact."""
    total = np.zeros((len(pixels), other.shape[1]), np.int32)
    for start in range(0, pixels.shape[1], FLOAT32_COLUMNS):
        stop = start + FLOAT32_COLUMNS
        left = pixels[:, start:stop].astype(np.float32)
        left -= ZERO
        total += (left @ other[start:stop].astype(np.float32)).astype(np.int32)
    return total


def byte_product(pixels: Bytes, other: SignedBytes) -> NDArray[np.int32]:
    """Multiply with ONNX Runtime: unsigned by signed bytes."""
    return _run_onnx(pixels, other, 0)


def unsigned_product(pixels: Bytes, other: SignedBytes) -> NDArray[np.int32]:
    """Multiply with ONNX Runtime: both unsigned, for processors without VNNI."""
    return _run_onnx(pixels, (other ^ np.int8(-128)).view(np.uint8), ZERO)


def _run_onnx(pixels: Bytes, other: NDArray[Any], zero: int) -> NDArray[np.int32]:
    zeros = {"pixels_zero": np.uint8(ZERO), "other_zero": other.dtype.type(zero)}
    feed = {"pixels": pixels, "other": other} | {
        name: np.asarray(value) for name, value in zeros.items()
    }
    result: NDArray[np.int32] = _session(other.dtype.name).run(None, feed)[0]
    return result


@functools.cache
def _session(other_type: str) -> Any:
    """Return a session of one MatMulInteger, on one thread."""
    import onnxruntime
    from onnx import TensorProto, helper

    types = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8}
    inputs = {
        "pixels": (TensorProto.UINT8, [None, None]),
        "other": (types[other_type], [None, None]),
        "pixels_zero": (TensorProto.UINT8, []),
        "other_zero": (types[other_type], []),
    }
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", list(inputs), ["product"])],
        "product",
        [helper.make_tensor_value_info(name, *what) for name, what in inputs.items()],
        [helper.make_tensor_value_info("product", TensorProto.INT32, [None, None])],
    )
    # The oldest versions that know the operator, which every release still reads.
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 10)], ir_version=4
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # An arena would keep the largest product ever made.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


PRODUCTS: dict[str, Product] = {
    "byte": byte_product,
    "unsigned": unsigned_product,
    "float32": float32_product,
}
"""The fastest first; those that a processor does wrong are passed over."""


@functools.cache
def best_product() -> tuple[str, Product]:
    """Return the name and the function of the fastest product that is exact here.

    Without VNNI, unsigned by signed bytes saturate at 16 bits in ONNX Runtime; the
    largest bytes there are bring that to light.
    """
    for name, product in PRODUCTS.items():
        if _is_exact(product):
            return name, product
    raise AssertionError("float32 is exact on every processor")


def _is_exact(product: Product) -> bool:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 3001), np.uint8)
    other = rng.integers(-128, 128, (3001, 50), np.int8)
    pixels[:20] = rng.choice(np.array([0, 255], np.uint8), (20, 3001))
    other[:, :25] = rng.choice(np.array([-128, 127], np.int8), (3001, 25))
    pixels[0], other[:, 0], other[:, 1] = 255, 127, -128
    expected = (pixels.astype(np.int64) - ZERO) @ other.astype(np.int64)
    return bool(np.array_equal(product(pixels, other), expected))
