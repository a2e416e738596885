"""Logging of the command line: to standard error, libraries only when it matters."""

import logging
import os

NOISY = ("distributed", "tornado", "asyncio", "bokeh", "libav", "PIL", "zarr")


def set_up_logging() -> None:
    """Log to standard error; DFHPC_LOG_LEVEL=DEBUG says more."""
    level = os.environ.get("DFHPC_LOG_LEVEL", "INFO").upper()
    known = level if level in logging.getLevelNamesMapping() else "INFO"
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=known, format=form, datefmt="%H:%M:%S")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
