"""MTCNN (Zhang et al. 2016, IEEE SPL 23(10)): the weights of mtcnn 1.0, at speed.

Pyramid, thresholds, regressions and suppression are those of the package with its
default arguments; so are the faces. What differs: no TensorFlow, a pyramid that
honors ``min_face_size``, and every fault is an error.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.boxes import (
    Candidates,
    by_score,
    no_candidates,
    regressed,
    squared,
    suppress,
)
from dfhpc.faces.crop_networks import CropNetwork
from dfhpc.faces.detector import (
    SMALLEST_FACE,
    Detection,
    Device,
    check_frame,
    clipped_box,
)
from dfhpc.faces.mtcnn_onnx import OnnxCropNetwork, OnnxPNet, wants_cuda
from dfhpc.faces.mtcnn_weights import read_network
from dfhpc.faces.pnet import PNet, Strip, cell_boxes
from dfhpc.faces.pyramid import Level, pyramid
from dfhpc.faces.workers import Workers

PNET_SCORE, RNET_SCORE, ONET_SCORE = 0.6, 0.7, 0.8
LEVEL_OVERLAP, OVERLAP = 0.5, 0.7


class MtcnnDetector:
    """The published work's detector, built once a process."""

    name = "mtcnn"

    def __init__(self, device: Device = "auto", threads: int = 1) -> None:
        """Read the weights and compile the loops; a few tenths of a second."""
        self._pnet: PNet | OnnxPNet
        self._rnet: CropNetwork | OnnxCropNetwork
        self._onet: CropNetwork | OnnxCropNetwork
        if wants_cuda(device):
            self._pnet = OnnxPNet()
            self._rnet, self._onet = OnnxCropNetwork("rnet"), OnnxCropNetwork("onet")
        else:
            self._pnet = PNet(read_network("pnet"))
            self._rnet, self._onet = (
                CropNetwork(name, read_network(name)) for name in ("rnet", "onet")
            )
        self._workers = Workers(threads)

    def detect(
        self, frames: list[NDArray[np.uint8]], min_face_size: int = SMALLEST_FACE
    ) -> list[list[Detection]]:
        """Return the faces of each frame, the most confident first."""
        return [self._detect_one(frame, min_face_size) for frame in frames]

    def _detect_one(
        self, frame: NDArray[np.uint8], min_face_size: int
    ) -> list[Detection]:
        check_frame(frame)
        frame = np.ascontiguousarray(frame)
        height, width = frame.shape[:2]
        levels = pyramid(height, width, min_face_size)
        boxes, landmarks = self._refine(frame, self._propose(frame, levels))
        found = [
            _to_detection(box, points, width, height)
            for box, points in zip(boxes, landmarks, strict=True)
        ]
        return [face for face in found if face.box[2] > 0 and face.box[3] > 0]

    def _propose(
        self, frame: NDArray[np.uint8], levels: tuple[Level, ...]
    ) -> Candidates:
        """Return P-Net's candidates on all levels, squared."""
        jobs = [strip for level in levels for strip in self._pnet.strips(level)]
        by_level: dict[float, list[Candidates]] = {level.scale: [] for level in levels}
        for strip, boxes in zip(jobs, self._each(frame, jobs), strict=True):
            by_level[strip.level.scale].append(boxes)
        best = [
            suppress(by_score(np.concatenate(found)), LEVEL_OVERLAP, "union")
            for found in by_level.values()
            if found
        ]
        boxes = np.concatenate([no_candidates(), *best])
        return squared(suppress(by_score(boxes), OVERLAP, "union"))

    def _each(
        self, frame: NDArray[np.uint8], jobs: list[Strip]
    ) -> Iterable[Candidates]:
        def work(strip: Strip) -> Candidates:
            found = self._pnet.propose(frame, strip, PNET_SCORE)
            return cell_boxes(found, strip.level.scale)

        return self._workers.map(work, jobs)

    def _refine(
        self, frame: NDArray[np.uint8], boxes: Candidates
    ) -> tuple[Candidates, NDArray[np.float64]]:
        """Return faces by R-Net and O-Net, and their landmarks, (faces, 5, 2)."""
        offsets, scores = self._rnet.run(frame, boxes, self._workers)
        boxes = regressed(boxes, offsets)
        boxes[:, 4] = scores
        boxes = by_score(boxes[scores > RNET_SCORE])
        boxes = squared(suppress(boxes, OVERLAP, "union"))
        offsets, points, scores = self._onet.run(frame, boxes, self._workers)
        landmarks = _placed(points, boxes)
        boxes = regressed(boxes, offsets)
        boxes[:, 4] = scores
        # Landmarks go along through the suppression as further columns.
        faces = np.column_stack([boxes, landmarks.reshape(len(boxes), 10)])
        faces = suppress(by_score(faces[scores > ONET_SCORE]), OVERLAP, "min")
        return faces[:, :5], faces[:, 5:].reshape(-1, 5, 2)


def _placed(points: NDArray[np.float32], boxes: Candidates) -> NDArray[np.float64]:
    """Return landmarks in frame pixels, (faces, 5, 2), from shares of their box."""
    shares = points.reshape(-1, 2, 5).transpose(0, 2, 1)
    sides = boxes[:, None, 2:4] - boxes[:, None, :2] + 1
    placed: NDArray[np.float64] = shares * sides + boxes[:, None, :2] - 1
    return placed


def _to_detection(
    box: Candidates, points: NDArray[np.float64], width: int, height: int
) -> Detection:
    """Return a face in plain numbers, its box inside the frame as in the package."""
    limits = np.array([width, height]) - 1
    low, high = np.clip(box[:2], 0, limits), np.clip(box[2:4], 0, limits)
    x, y = (int(value) for value in low.round())
    box_width, box_height = (int(value) for value in (high - low).round())
    return Detection(
        box=clipped_box((x, y, box_width, box_height), width, height),
        confidence=float(box[4]),
        landmarks=tuple((float(px), float(py)) for px, py in points.round()),
    )
