"""MTCNN by the package ``mtcnn`` and TensorFlow: what ``mtcnn`` is measured against."""

import importlib.resources
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import DetectorError
from dfhpc.faces.detector import (
    SMALLEST_FACE,
    Detection,
    check_frame,
    clipped_box,
)
from dfhpc.faces.quiet import quiet_stderr

# TensorFlow reads this once, at its import; without it, it talks of absent GPUs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with quiet_stderr():
    import tensorflow as tf
    from mtcnn import MTCNN
    from mtcnn.stages import StageONet, StagePNet, StageRNet

_LANDMARK_NAMES = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


class _NoCandidatesError(Exception):
    """A stage left no box; the picture holds no face."""


class _CheckedStage:
    """A stage of the package that says what went wrong.

    ``MTCNN.detect_faces`` takes every InvalidArgumentError of TensorFlow for a
    picture without faces: an empty batch of boxes makes one, but so does any other
    fault. So the empty batch is caught before, and other faults are renamed.
    """

    def __init__(self, stage: Any) -> None:
        self._stage = stage

    def __call__(self, bboxes_batch: Any, **kwargs: Any) -> Any:
        if bboxes_batch is not None and len(bboxes_batch) == 0:
            raise _NoCandidatesError
        try:
            return self._stage(bboxes_batch=bboxes_batch, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            raise DetectorError(f"MTCNN failed: {error.message}") from error


class MtcnnReferenceDetector:
    """The published work's detector as it is, built once a process."""

    name = "mtcnn_reference"

    def __init__(self) -> None:
        """Build the three networks, single-threaded: one worker, one core."""
        _limit_threads()
        # By absolute path: given a bare name, the package would unpickle a file
        # of that name from the working directory if there is one.
        weights = importlib.resources.files("mtcnn") / "assets" / "weights"
        stages = [
            _CheckedStage(stage(weights=str(weights / file)))
            for stage, file in (
                (StagePNet, "pnet.lz4"),
                (StageRNet, "rnet.lz4"),
                (StageONet, "onet.lz4"),
            )
        ]
        self._mtcnn = MTCNN(stages=stages, device="CPU:0")

    def detect(
        self, frames: list[NDArray[np.uint8]], min_face_size: int = SMALLEST_FACE
    ) -> list[list[Detection]]:
        """Return the faces of each frame, in the order of the package.

        Frames go through one at a time: on a CPU the package is slower in batches.
        Small faces are never left out: told to, the package makes levels of its
        pyramid too small for its networks, fails and finds nothing.
        """
        del min_face_size
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: NDArray[np.uint8]) -> list[Detection]:
        check_frame(frame)
        height, width = frame.shape[:2]
        if min(height, width) < SMALLEST_FACE:
            return []
        try:
            faces = self._mtcnn.detect_faces(frame)
        except _NoCandidatesError:
            return []
        return [
            detection
            for detection in (_to_detection(face, width, height) for face in faces)
            if detection.box[2] > 0 and detection.box[3] > 0
        ]


def _limit_threads() -> None:
    """Give TensorFlow one thread and no GPU, whose memory it would take whole."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        # TensorFlow already runs in this process; its owner chose the threads.
        return


def _to_detection(face: dict[str, Any], width: int, height: int) -> Detection:
    x, y, box_width, box_height = (int(value) for value in face["box"])
    points = face["keypoints"]
    return Detection(
        box=clipped_box((x, y, box_width, box_height), width, height),
        confidence=float(face["confidence"]),
        landmarks=tuple(
            (float(points[name][0]), float(points[name][1])) for name in _LANDMARK_NAMES
        ),
    )
