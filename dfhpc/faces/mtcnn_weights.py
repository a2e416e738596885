"""The weights of MTCNN, from the wheel of the package ``mtcnn``.

Read from the installed package's folder alone: given a bare file name, the package
itself would unpickle a file of that name from the working directory.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import DetectorError

Weights = NDArray[np.float32]

SHAPES = {
    "pnet": ((3, 3, 3, 10), (3, 3, 10, 16), (3, 3, 16, 32), (1, 1, 32, 4)),
    "rnet": ((3, 3, 3, 28), (3, 3, 28, 48), (2, 2, 48, 64), (576, 128), (128, 4)),
    "onet": ((3, 3, 3, 32), (3, 3, 32, 64), (3, 3, 64, 64), (2, 2, 64, 128)),
}
"""Of the first layers, as a check that the file is the one that is meant."""


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer, and the PReLU after it if there is one."""

    weights: Weights
    """(height, width, in, out) or (in, out)."""
    bias: Weights
    slope: Weights | None
    """(out,): what negative values are multiplied by."""


@dataclass(frozen=True)
class Network:
    """Layers in their order, the heads apart."""

    body: tuple[Layer, ...]
    heads: tuple[Layer, ...]
    """Box regression, for O-Net landmarks, then the two classes."""


def read_network(name: str) -> Network:
    """Return ``pnet``, ``rnet`` or ``onet``.

    Raises
    ------
    DetectorError
        When the package is not installed, or its file is not the known one.
    """
    arrays = _read_arrays(name)
    found = [array.shape for array in arrays if array.ndim in (2, 4)]
    if any(a != b for a, b in zip(SHAPES[name], found, strict=False)):
        raise DetectorError(
            f"The weights of {name} in the package mtcnn have shapes that dfhpc does "
            "not know; install mtcnn 1.0."
        )
    layers = list(_layers(arrays))
    num_heads = 3 if name == "onet" else 2
    return Network(tuple(layers[:-num_heads]), tuple(layers[-num_heads:]))


def _read_arrays(name: str) -> list[Weights]:
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or spec.origin is None:
        raise DetectorError(
            "The package mtcnn, which holds the detector's weights, is not installed; "
            "pip install mtcnn."
        )
    import joblib

    path = Path(spec.origin).parent / "assets" / "weights" / f"{name}.lz4"
    try:
        arrays: list[Any] = joblib.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise DetectorError(
            f"The detector's weights cannot be read: {path}: {error}; install mtcnn "
            "anew."
        ) from error
    return [np.asarray(array, np.float32) for array in arrays]


def _layers(arrays: list[Weights]) -> Any:
    """Yield layers: weights and bias, then slopes where an array follows them alone."""
    rest = list(arrays)
    while rest:
        weights, bias = rest.pop(0), rest.pop(0)
        has_slope = bool(rest) and rest[0].size == bias.size and rest[0].ndim in (1, 3)
        slope = rest.pop(0).reshape(-1) if has_slope else None
        yield Layer(weights, bias, slope)
