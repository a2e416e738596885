"""Python loops as machine code, by numba."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile ``function`` when it is first called, in each process anew.

    Not cached on disk: numba writes beside the package or in the home directory,
    raises where that is full, and numbers its files without a lock, so that workers
    on unlike processors that start together may load each other's machine code.
    """
    fast: Function = numba.njit(function, error_model="numpy", nogil=True)
    return fast
