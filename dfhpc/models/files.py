"""Arrays on disk: NumPy's own format, without pickle, whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.runs import atomic_path


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays to ``path``, compressed; the same arrays, the same bytes."""
    with atomic_path(path) as tmp, tmp.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return what ``save_arrays`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
