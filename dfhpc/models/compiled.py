"""Python loops as machine code, by numba."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile ``function`` when it is first called, in each process anew.

    Not cached on disk: numba stores the cache beside the package or in the home
    directory, fails where that is full, and lets workers that start together after
    an update, or on unlike processors, load each other's machine code.
    """
    fast: Function = numba.njit(function, error_model="numpy", nogil=True)
    return fast
