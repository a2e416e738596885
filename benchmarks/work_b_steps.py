"""Work B's way from videos to faces, written plainly (Chiu 2021).

Every video is read to its end by OpenCV; frames 0, 30, ... 180 are looked at by the
package mtcnn, one at a time; the first face of confidence 0.9 is cut out and resized
by PIL; all faces are kept in memory. The network is built once: work B itself built it
for every frame, which would take seconds each.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIDE, FRAMES, CONFIDENT, SIDE = 30, 7, 0.9, 320


def read_frames(path: str) -> list[NDArray[Any]]:
    """Return the frames that are wanted, RGB; the whole video is decoded."""
    import cv2

    capture = cv2.VideoCapture(path)
    kept: list[NDArray[Any]] = []
    index = 0
    while True:
        is_read, frame = capture.read()
        if not is_read:
            break
        if index % STRIDE == 0 and len(kept) < FRAMES:
            kept.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        index += 1
    capture.release()
    return kept


def extract(paths: list[str], threads: int, out: str) -> list[list[list[int] | None]]:
    """Write the faces to ``out``; return each video's boxes, None where no face is."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from mtcnn import MTCNN

    detector = MTCNN()
    boxes: list[list[list[int] | None]] = []
    faces = []
    for path in paths:
        found: list[list[int] | None] = []
        for frame in read_frames(path):
            box = _first_face(detector.detect_faces(frame))
            found.append(box)
            if box is not None:
                faces.append(_resized(frame, box))
        boxes.append(found)
    np.save(Path(out), np.array(faces, np.uint8))
    return boxes


def _first_face(results: list[dict[str, Any]]) -> list[int] | None:
    if not results or results[0]["confidence"] < CONFIDENT:
        return None
    return [int(value) for value in results[0]["box"]]


def _resized(frame: NDArray[Any], box: list[int]) -> NDArray[Any]:
    from PIL import Image

    x, y, width, height = box
    face = Image.fromarray(frame[y : y + height, x : x + width])
    return np.asarray(face.resize((SIDE, SIDE))).reshape(-1)
