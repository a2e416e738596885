"""Progress as a file of the run directory, for `dfhpc status` to read."""

import collections
import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from dfhpc.driver_notes import ProgressNote

WRITE_EVERY_S = 2.0

RECENT_S = 300.0
"""The recent rate is that of the last five minutes, ..."""

RECENT_SAMPLES = 20
"""... or of so many samples, where units take minutes and end in volleys."""


class Task:
    """A counted piece of work, and its rates."""

    def __init__(self, label: str, unit: str, total: int, done: int) -> None:
        """Begin now, with ``done`` of ``total`` units done before."""
        self.label, self.unit, self.total = label, unit, total
        self.done = self.done_at_start = done
        self.started_t = self.updated_t = time.time()
        self._started = self._updated = time.monotonic()
        self._samples = collections.deque([(self._started, done)])

    def advance(self, count: int) -> None:
        """Count units that have just been done."""
        self.done += count
        self.updated_t = time.time()
        now = self._updated = time.monotonic()
        if now - self._samples[-1][0] < WRITE_EVERY_S:
            return
        self._samples.append((now, self.done))
        while len(self._samples) > RECENT_SAMPLES and self._samples[1][0] < (
            now - RECENT_S
        ):
            self._samples.popleft()

    def recent_per_minute(self) -> float | None:
        """Return units a minute of late, up to the last one; None before the first."""
        return self._per_minute(*self._samples[0])

    def attempt_per_minute(self) -> float | None:
        """Return units a minute since this task began, up to the last one."""
        return self._per_minute(self._started, self.done_at_start)

    def _per_minute(self, since: float, done: int) -> float | None:
        took_s = self._updated - since
        if took_s <= 0 or self.done <= done:
            return None
        return round(60 * (self.done - done) / took_s, 6)


class ProgressWriter:
    """Writes the innermost task, from a thread of its own, now and then.

    A thread, because the file system of a cluster may take long, and because the
    last unit before an hour without any is to be seen too. Nothing is flushed to the
    disk: progress is worth no wait.
    """

    def __init__(self, path: Path) -> None:
        """Write to ``path`` once started."""
        self._path = path
        self._identity = {"host": socket.gethostname(), "pid": os.getpid()}
        self._stage, self._stage_t = "", time.time()
        self._tasks: list[Task] = []
        self._is_due = threading.Event()
        self._stop = threading.Event()
        # Of the file: one that was composed later is not overwritten by an earlier.
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what is not written yet, and end."""
        self._stop.set()
        self._thread.join()
        if self._is_due.is_set():
            self.write()

    def begin_stage(self, stage: str) -> None:
        """Note that a stage begins."""
        self._stage, self._stage_t = stage, time.time()
        self.write()

    def begin(self, task: Task) -> None:
        """Note that a task begins, inside the one under way if there is one."""
        self._tasks.append(task)
        self._is_due.set()

    def advance(self, task: Task, count: int) -> None:
        """Count units of a task."""
        task.advance(count)
        self._is_due.set()

    def end(self, task: Task) -> None:
        """Write how far a task came, and go back to the one around it."""
        self.write()
        self._tasks.remove(task)
        if self._tasks:
            self._is_due.set()

    def write(self) -> None:
        """Write now. A full disk must not end the work."""
        with self._lock:
            self._is_due.clear()
            text = self._compose().model_dump_json(indent=1)
            name = f".{self._path.name}.{uuid.uuid4().hex}.partial"
            tmp = self._path.with_name(name)
            try:
                tmp.write_text(text + "\n", encoding="utf-8")
                os.replace(tmp, self._path)
            except OSError:
                with contextlib.suppress(OSError):
                    tmp.unlink(missing_ok=True)

    def _loop(self) -> None:
        while not self._stop.wait(WRITE_EVERY_S):
            if self._is_due.is_set():
                self.write()

    def _compose(self) -> ProgressNote:
        tasks = self._tasks[-1:]
        found = {"stage": self._stage, **self._identity}
        found |= {"started_t": self._stage_t, "updated_t": self._stage_t}
        for task in tasks:
            names = ("label", "unit", "done", "total", "done_at_start")
            found |= {name: getattr(task, name) for name in names}
            found |= {"started_t": task.started_t, "updated_t": task.updated_t}
            found["recent_per_minute"] = task.recent_per_minute()
            found["attempt_per_minute"] = task.attempt_per_minute()
        return ProgressNote.model_validate(found)


_writer: ContextVar[ProgressWriter | None] = ContextVar("progress", default=None)


@contextlib.contextmanager
def progress_written(path: Path) -> Iterator[None]:
    """Write the progress of everything in the block to ``path``."""
    writer = ProgressWriter(path)
    writer.start()
    token = _writer.set(writer)
    try:
        yield
    finally:
        _writer.reset(token)
        writer.close()


def note_stage(stage: str) -> None:
    """Write that a stage begins, if progress is written."""
    writer = _writer.get()
    if writer is not None:
        writer.begin_stage(stage)


@contextlib.contextmanager
def task_noted(task: Task) -> Iterator[ProgressWriter | None]:
    """Write the progress of a task in the block, if progress is written."""
    writer = _writer.get()
    if writer is None:
        yield None
        return
    writer.begin(task)
    try:
        yield writer
    finally:
        writer.end(task)
