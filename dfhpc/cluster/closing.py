"""Closing what Dask opened, on a machine that may be too busy for Dask's patience."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

logger = logging.getLogger(__name__)

Opened = TypeVar("Opened")


@contextlib.contextmanager
def closed_patiently(opened: AbstractContextManager[Opened]) -> Iterator[Opened]:
    """Yield what is entered; that it takes too long to close fails nothing.

    By then the work is done and kept, and processes that are left end with this one.
    A TimeoutError of the block itself is raised.
    """
    entered = opened.__enter__()
    try:
        yield entered
    finally:
        try:
            opened.__exit__(*sys.exc_info())
        except TimeoutError:
            logger.debug("Dask took too long to close %r.", opened)
