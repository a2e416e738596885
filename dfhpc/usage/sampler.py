"""Sampling CPU and memory of a process into a file that survives a kill."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import psutil

from dfhpc.this_job import this_job
from dfhpc.videos.decoder import get_decoder

INTERVAL_S = 2.0

Role = Literal["driver", "worker"]


class Sampler:
    """Appends a sample every two seconds, flushed, from a thread of its own.

    A worker's samples include its child processes, and the CPU time of those that
    have ended; the driver's include the one that decodes videos for it, and no
    others, because its other children are the workers.
    """

    def __init__(
        self,
        usage_dir: Path,
        role: Role,
        interval_s: float = INTERVAL_S,
        clock_offset_s: float = 0.0,
    ) -> None:
        """Prepare a file named after role, host, process and start.

        ``clock_offset_s`` is what this host's clock lacks to the driver's, if known.
        """
        self._process = psutil.Process()
        self._role = role
        self._interval_s = interval_s
        self._head = {
            "host": socket.gethostname(),
            "job_id": job.job_id if (job := this_job()) else None,
            "clock_offset_s": round(clock_offset_s, 3),
        }
        start = self._process.create_time()
        name = f"{role}-{socket.gethostname()}-{os.getpid()}-{start:.0f}.jsonl"
        usage_dir.mkdir(parents=True, exist_ok=True)
        self._path = usage_dir / name
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._loop, name="usage", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        begun = {"t": self._process.create_time(), **_NOTHING_YET}
        self._write(begun | self._head)
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """Take a last sample and end."""
        self._stop.set()
        self._thread.join()
        self.sample()

    def sample(self) -> None:
        """Take a sample now."""
        # Measured under the lock too: samples are written in the order of their time.
        with self._lock, contextlib.suppress(psutil.Error):
            self._write({"t": time.time(), **self._measure()})

    def event(self, name: str, stage: str, requested_bytes: int | None) -> None:
        """Note that a stage begins or ends, with a sample and the memory asked for."""
        self.sample()
        record = {"t": time.time(), "event": name, "stage": stage}
        self._write(record | {"requested_bytes": requested_bytes})

    def _loop(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.sample()

    def _measure(self) -> dict[str, Any]:
        times = self._process.cpu_times()
        record = {
            "cpu_s": times.user + times.system,
            "rss_bytes": self._process.memory_info().rss,
            "processes": 1,
            "threads": self._process.num_threads(),
        }
        if self._role == "worker":
            record["cpu_s"] += times.children_user + times.children_system
            for child in self._process.children(recursive=True):
                _add_child(record, child)
        else:
            _add_decoder(record)
        return record

    def _write(self, record: dict[str, Any]) -> None:
        # A full disk must not end the work; the gap shows in the file.
        with self._lock, contextlib.suppress(OSError), self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")


_NOTHING_YET = {"cpu_s": 0.0, "rss_bytes": 0, "processes": 1, "threads": 1}


def _add_child(record: dict[str, Any], child: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        times = child.cpu_times()
        record["cpu_s"] += times.user + times.system
        # Of its own children that have ended; those alive are counted themselves.
        record["cpu_s"] += times.children_user + times.children_system
        record["rss_bytes"] += child.memory_info().rss
        record["processes"] += 1
        record["threads"] += child.num_threads()


def _add_decoder(record: dict[str, Any]) -> None:
    decoder = get_decoder()
    # That of ended ones too, lest the sum go down when another is started.
    record["cpu_s"] += decoder.cpu_s()
    if (pid := decoder.pid) is not None:
        with contextlib.suppress(psutil.Error):
            child = psutil.Process(pid)
            record["rss_bytes"] += child.memory_info().rss
            record["processes"] += 1
            record["threads"] += child.num_threads()


@contextlib.contextmanager
def sampled_stage(
    sampler: Sampler, stage: str, requested_bytes: int | None
) -> Iterator[None]:
    """Note begin and end of a stage around the block."""
    sampler.event("start", stage, requested_bytes)
    try:
        yield
    finally:
        sampler.event("end", stage, requested_bytes)


@contextlib.contextmanager
def sampling_driver(usage_dir: Path) -> Iterator[Sampler]:
    """Sample this process, the driver, while the block runs."""
    sampler = Sampler(usage_dir, "driver")
    sampler.start()
    try:
        yield sampler
    finally:
        sampler.stop()
