"""Memory, processes and threads of a job, and its processor time."""

import contextlib
import resource
import time

import psutil

from tests.cluster.lsf_double.report import Figures

MEGABYTE = 2**20


def descendants() -> list[psutil.Process]:
    """Return the living processes below this one, parents before children."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


class Samples:
    """Taken at an interval, the first one interval after the start."""

    def __init__(self, interval_s: float) -> None:
        """Begin to wait for the first."""
        self._interval_s = interval_s
        self._next = time.monotonic() + interval_s
        self._cpu_before = _cpu_of_children()
        self._taken: list[tuple[float, int, int]] = []

    def take(self) -> float:
        """Take a sample if it is time; return the MB in use when last looked."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._interval_s
            members = [_measure(process) for process in descendants()]
            columns = zip(*members, strict=True) if members else ((0,), (0,))
            memory, threads = map(sum, columns)
            self._taken.append((memory / MEGABYTE, len(members), threads))
        return self._taken[-1][0] if self._taken else 0.0

    def figures(self) -> Figures:
        """Return the summary; all children must have been reaped."""
        cpu = _cpu_of_children() - self._cpu_before
        if not self._taken:
            return Figures(cpu, None, None, None, None)
        memory, processes, threads = zip(*self._taken, strict=True)
        average = sum(memory) / len(memory)
        return Figures(cpu, max(memory), average, max(processes), max(threads))


def _measure(process: psutil.Process) -> tuple[int, int]:
    with contextlib.suppress(psutil.Error), process.oneshot():
        return process.memory_info().rss, process.num_threads()
    return 0, 0


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
