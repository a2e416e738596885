"""Seconds and memory of a command, measured from outside while it runs."""

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from dfhpc.errors import DfhpcError

logger = logging.getLogger(__name__)

SAMPLE_S = 0.1
"""Between two looks at the processes: a hundredth of a core."""

_ROOT = Path(__file__).resolve().parents[1]


class MeasuredError(DfhpcError, RuntimeError):
    """A measured command failed."""


class MeasuredTimeoutError(MeasuredError, TimeoutError):
    """A measured command took longer than it may."""


@dataclass(frozen=True)
class Measured:
    """What one run of a command took."""

    seconds: float
    """From the start of the first process to the end of the last, imports included."""
    peak_rss_bytes: int
    """Largest sum over all its processes at one moment; shared pages count in each."""
    peak_process_bytes: int
    """Largest peak of any one process, as the kernel noted it."""


Attempt = tuple[Measured, dict[str, Any]]
"""What a run took, and what it found."""


@dataclass
class _Peaks:
    """Peaks of a tree of processes so far."""

    total: int = 0
    process: int = 0
    seen: set[int] = field(default_factory=set)

    def look(self, root: psutil.Process) -> None:
        total = 0
        for process in _tree(root):
            now, peak = _memory(process.pid)
            total += now
            self.process = max(self.process, peak)
        # A peak between two looks is in the kernel's note of that process alone.
        self.total = max(self.total, total, self.process)


def _tree(root: psutil.Process) -> Iterator[psutil.Process]:
    try:
        yield root
        yield from root.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def _memory(pid: int) -> tuple[int, int]:
    """Return resident bytes of a process now and at most; zeros when it has ended.

    VmHWM, not ru_maxrss: the latter begins with what the parent had at the fork.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    now, peak = (
        int(fields.get(name, "0 kB").split()[0]) * 1024 for name in ("VmRSS", "VmHWM")
    )
    return now, peak


def measure(command: Sequence[str], *, timeout_s: float | None = None) -> Measured:
    """Run ``command`` in a process of its own and return what it took.

    Its output is kept back, and shown where it fails.

    Raises
    ------
    MeasuredError
        When it fails.
    MeasuredTimeoutError
        When it is not done after ``timeout_s`` seconds.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        child = subprocess.Popen(
            list(command), stdout=output, stderr=output, env=_environment()
        )
        watch = _Watch(child.pid)
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MeasuredTimeoutError(
                f"{' '.join(command)} was not done after {timeout_s} s."
            ) from None
        finally:
            seconds = time.perf_counter() - started
            peaks = watch.stop()
            _end(child)
        if code != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")[-2000:]
            raise MeasuredError(f"{' '.join(command)} failed:\n{text}")
    return Measured(seconds, peaks.total, peaks.process)


class _Watch:
    """A thread that looks at a process and its children until it is stopped."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._peaks = _Peaks()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self) -> _Peaks:
        self._stop.set()
        self._thread.join()
        return self._peaks

    def _loop(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._peaks.look(self._root)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill a process that is still there, and its children."""
    if child.poll() is None:
        for process in psutil.Process(child.pid).children(recursive=True):
            process.kill()
        child.kill()
        child.wait()


def _environment() -> dict[str, str]:
    """Return the environment of a child, which must find the same packages."""
    path = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
    return dict(os.environ) | {"PYTHONPATH": path.rstrip(os.pathsep)}


def measure_call(
    function: Callable[..., Any], *arguments: Any, timeout_s: float | None = None
) -> tuple[Measured, Any]:
    """Call a function of a module in a fresh process; return what it took, and gave.

    Arguments and result go as JSON.
    """
    module = sys.modules[function.__module__]
    # A program run by `python -m` knows its own name by its specification alone.
    spec = getattr(module, "__spec__", None)
    name = f"{spec.name if spec else module.__name__}:{function.__qualname__}"
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.call", name, str(result)]
        command.append(json.dumps(arguments))
        measured = measure(command, timeout_s=timeout_s)
        return measured, json.loads(result.read_text(encoding="utf-8"))


def alternate(
    runs: Mapping[str, Callable[[], Attempt]], repeats: int
) -> dict[str, list[Attempt]]:
    """Make each run in turn, ``repeats`` times, so that all see the same machine.

    One that takes too long is given up and is not in what is returned.
    """
    found: dict[str, list[Attempt]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name in list(found):
            try:
                found[name].append(runs[name]())
            except MeasuredTimeoutError as error:
                logger.warning("%s: %s", name, error)
                del found[name]
    return found


def median(measured: Sequence[Measured]) -> Measured:
    """Return the median of each figure.

    >>> median([Measured(1.0, 5, 5), Measured(9.0, 7, 6), Measured(2.0, 6, 6)])
    Measured(seconds=2.0, peak_rss_bytes=6, peak_process_bytes=6)
    """
    return Measured(
        statistics.median(m.seconds for m in measured),
        round(statistics.median(m.peak_rss_bytes for m in measured)),
        round(statistics.median(m.peak_process_bytes for m in measured)),
    )
