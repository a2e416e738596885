"""``python -m dfhpc.doctor.trial imports|mtcnn|haar``: prints one line of JSON.

What goes wrong here ends the process, and its last words are what is reported.
"""

import importlib
import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIBRARIES = (
    *("av", "cv2", "llvmlite", "numba", "onnxruntime", "sklearn", "zarr"),
    *("distributed", "dask_jobqueue", "cryptography"),
)
"""What a run loads."""


def try_imports() -> dict[str, Any]:
    """Import one library after the other; each is named before it may fail."""
    for name in LIBRARIES:
        print(name, flush=True)
        importlib.import_module(name)
    return {"imported": list(LIBRARIES)}


def known_picture() -> NDArray[np.uint8] | None:
    """Return scikit-image's astronaut, a public-domain portrait, if it is there."""
    try:
        from skimage.data import astronaut
    except ImportError:
        return None
    return np.asarray(astronaut(), np.uint8)


def try_detector(name: str) -> dict[str, Any]:
    """Look for faces in the known picture, or in an empty one."""
    from dfhpc.faces.detector import detector_versions, get_detector

    detector = get_detector(name)
    picture = known_picture()
    frame = np.zeros((64, 64, 3), np.uint8) if picture is None else picture
    boxes = [list(face.box) for face in detector.detect([frame])[0]]
    return {
        "boxes": None if picture is None else boxes,
        "versions": detector_versions(name),
    }


def main() -> None:
    """Do the trial that the command line names."""
    name = sys.argv[1]
    found = try_imports() if name == "imports" else try_detector(name)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
