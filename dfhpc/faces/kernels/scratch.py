"""Memory that is used again and again, so that its pages need not be fetched anew."""

import math
import threading

import numpy as np
from numpy.typing import NDArray

_mine = threading.local()


def scratch(name: str, *shape: int) -> NDArray[np.float32]:
    """Return float32 memory of this thread for one purpose, with whatever is in it.

    What was got for the same purpose before is overwritten.
    """
    held: dict[str, NDArray[np.float32]] = _mine.__dict__.setdefault("held", {})
    size = math.prod(shape)
    if name not in held or held[name].size < size:
        # Zeros, once: what is read beyond a row's end must be a number.
        held[name] = np.zeros(size, np.float32)
    return held[name][:size].reshape(shape)
