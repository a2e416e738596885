"""The networks of MTCNN by ONNX Runtime, for GPUs: the same faces."""

import importlib.metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import DetectorError
from dfhpc.faces.boxes import Candidates
from dfhpc.faces.crop_networks import SIDES, cut_crops
from dfhpc.faces.detector import Device
from dfhpc.faces.mtcnn_graphs import graph
from dfhpc.faces.mtcnn_weights import read_network
from dfhpc.faces.pnet import Proposals, Strip, result_size, shrink
from dfhpc.faces.pyramid import Level
from dfhpc.faces.quiet import quiet_stderr
from dfhpc.faces.workers import ONE_WORKER, Workers

Floats = NDArray[np.float32]

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def wants_cuda(device: Device) -> bool:
    """Return whether a GPU is to be used.

    Raises
    ------
    DetectorError
        When ``device`` is ``cuda`` and ONNX Runtime has none.
    """
    if device == "cpu":
        return False
    why = _why_no_cuda()
    if device == "cuda" and why:
        raise DetectorError(f"There is no GPU for MTCNN: {why}; say --device cpu.")
    return not why


def _why_no_cuda() -> str:
    # ONNX Runtime takes a while to import, and most machines have no GPU build of it.
    try:
        importlib.metadata.version("onnxruntime-gpu")
    except importlib.metadata.PackageNotFoundError:
        return "onnxruntime-gpu is not installed"
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return "onnxruntime-gpu is hidden by another installation of onnxruntime"
    # Without a device or a library of CUDA, it falls back to the processor.
    if _Session("pnet", CUDA).provider != CUDA:
        return "ONNX Runtime finds no device of CUDA, or not its libraries"
    return ""


class _Session:
    """A network, ready to run."""

    def __init__(self, name: str, provider: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        with quiet_stderr():
            self._session = onnxruntime.InferenceSession(
                graph(name, read_network(name)),
                options,
                providers=list(dict.fromkeys((provider, CPU))),
            )
        self.provider: str = self._session.get_providers()[0]

    def __call__(self, pixels: Floats) -> list[Floats]:
        """Return the heads' values for (faces, 3, height, width), from -1 to 1."""
        try:
            found: list[Floats] = self._session.run(None, {"pixels": pixels})
        except Exception as error:
            # The module of its exceptions is private, and they share no base class.
            raise DetectorError(f"ONNX Runtime failed: {error}") from error
        return found


class OnnxPNet:
    """P-Net, a level at a time."""

    def __init__(self, provider: str = CUDA) -> None:
        """Load it."""
        self._session = _Session("pnet", provider)

    def strips(self, level: Level) -> list[Strip]:
        """Return the whole level."""
        rows, columns = result_size(level.height, level.width)
        return [Strip(level, 0, rows)] if rows > 0 and columns > 0 else []

    def propose(
        self, frame: NDArray[np.uint8], strip: Strip, threshold: float
    ) -> Proposals:
        """Return the cells of a level whose score is above ``threshold``."""
        regression, classes = self._session(_picture(frame, strip))
        rows, columns = np.nonzero(classes[0, 1] > threshold)
        scores = classes[0, 1, rows, columns]
        return Proposals(rows, columns, scores, regression[0][:, rows, columns].T)


def _picture(frame: NDArray[np.uint8], strip: Strip) -> Floats:
    """Return a level as (1, 3, height, width), from -1 to 1."""
    level = strip.level
    planes = shrink(frame, strip)
    picture = np.empty((1, 3, level.height, level.width), np.float32)
    for parity in range(2):
        columns = picture[..., parity::2]
        columns[...] = planes[parity, :, :, : columns.shape[3]]
    return (picture - np.float32(127.5)) / np.float32(128)


class OnnxCropNetwork:
    """R-Net or O-Net."""

    def __init__(self, name: str, provider: str = CUDA) -> None:
        """Load it."""
        self._side = SIDES[name]
        self._session = _Session(name, provider)

    def run(
        self, frame: NDArray[np.uint8], boxes: Candidates, workers: Workers = ONE_WORKER
    ) -> list[Any]:
        """Return the heads' values, (boxes, values) each; the last: P(face)."""
        del workers
        crops = cut_crops(frame, boxes, self._side)[..., : len(boxes)]
        pixels = np.ascontiguousarray(crops.transpose(3, 0, 1, 2))
        *heads, classes = self._session(pixels)
        return [*heads, classes[:, 1]]
