"""Which versions of which libraries are at work."""

import functools
import importlib.metadata

SCORING = ("dfhpc", "numpy", "scikit-learn", "scipy", "numba", "llvmlite")
"""What scores hang on, whatever the model."""

READING = ("zarr", "av", "pillow", "opencv-python-headless", "onnxruntime")
"""What rows hang on."""

OF_KIND = {"cnn": ("tensorflow", "keras")}


def library_versions(kind: str = "") -> dict[str, str]:
    """Return the versions that the scores of a kind of model hang on.

    >>> "numpy" in library_versions("svm"), "tensorflow" in library_versions("svm")
    (True, False)
    """
    names = (*SCORING, *READING, *OF_KIND.get(kind, ()))
    return {name: found for name in names if (found := _version(name))}


@functools.cache
def _version(name: str) -> str:
    """Return the version of a package, "" where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
