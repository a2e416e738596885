"""Arrays on disk: NumPy's own format, without pickle, whole or not at all."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import ModelError
from dfhpc.runs import atomic_path


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays to ``path``, compressed; the same arrays, the same bytes."""
    with atomic_path(path) as tmp, tmp.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return what ``save_arrays`` wrote.

    Raises
    ------
    ModelError
        When the file is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"{path} is damaged ({error}); delete its folder and give the same command "
            "again."
        ) from error
