"""Progress: a bar on a terminal or log lines, and a file that others can read."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from dfhpc.reporting.progress_writer import Task, task_noted

logger = logging.getLogger(__name__)

LOG_EVERY_S = 10.0


Advance = Callable[[int], None]


@contextlib.contextmanager
def progress(label: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Yield a function to call with the number of units that have just been done.

    ``done`` of ``total`` were done before. Within ``progress_written`` it is also
    written to a file.
    """
    task = Task(label, unit, total, done)
    with _shown(label, total, unit, done) as show, task_noted(task) as writer:

        def advance(count: int) -> None:
            show(count)
            if writer is not None:
                writer.advance(task, count)

        yield advance


@contextlib.contextmanager
def _shown(
    label: str, total: int, unit: str, done: int
) -> Iterator[Callable[[int], object]]:
    if sys.stderr.isatty():
        with (
            logging_redirect_tqdm(),
            tqdm(total=total, initial=done, desc=label, unit=unit) as bar,
        ):
            yield bar.update
        return
    yield _LogLines(label, total, unit, done).advance


class _LogLines:
    """A line at the first step, the last, and every ten seconds between."""

    def __init__(self, label: str, total: int, unit: str, done: int) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._done = self._before = done
        self._started = time.monotonic()
        self._next = self._started

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now < self._next and self._done < self._total:
            return
        self._next = now + LOG_EVERY_S
        speed = (self._done - self._before) / max(now - self._started, 1e-9)
        left_s = (self._total - self._done) / speed if speed else 0.0
        # Before the first unit is done nobody knows.
        left = f", about {left_s:.0f} s left" if speed else ""
        logger.info(
            "%s: %d of %d %ss%s",
            self._label,
            self._done,
            self._total,
            self._unit,
            left,
        )
