"""Logging of the command line: to standard error, libraries only when it matters."""

import logging
import os


def set_up_logging() -> None:
    """Log to standard error; DFHPC_LOG_LEVEL=DEBUG says more."""
    level = os.environ.get("DFHPC_LOG_LEVEL", "INFO").upper()
    known = level if level in logging.getLevelNamesMapping() else "INFO"
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=known, format=form, datefmt="%H:%M:%S")
    for handler in logging.getLogger().handlers:
        # A filter, not levels: distributed sets its own when it is imported.
        handler.addFilter(is_ours_or_critical)


def is_ours_or_critical(record: logging.LogRecord) -> bool:
    """Whether a record is worth showing: all of ours, of libraries the critical."""
    return record.levelno >= logging.CRITICAL or record.name.startswith("dfhpc")
