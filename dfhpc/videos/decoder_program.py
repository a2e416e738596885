"""The program of a decoder: reads videos for another process, which may kill it.

It imports NumPy and PyAV alone, to be there soon and to be small.
"""

import fcntl
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.errors import VideoReadError
from dfhpc.videos.decoding import (
    candidates,
    decode_frames,
    look_at,
    wanted_indices,
)
from dfhpc.videos.frames import Frame, ReadOptions
from dfhpc.videos.messages import packed, unpacked
from dfhpc.videos.source import Source, out_of_memory_text


def main() -> None:
    """Answer requests from standard input on standard output until it is closed.

    The one argument is a file descriptor whose other end closes with the parent.
    """
    _die_with_parent(int(sys.argv[1]))
    # A crash is an outcome here: thousands of them must not fill the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    replies = os.dup(1)
    # Whatever a library prints must not be taken for an answer.
    os.dup2(2, 1)
    wire = _Wire(0, replies)
    libraries = _own_bytes()
    wire.send({"kind": "ready"})
    while True:
        try:
            request, _ = wire.receive()
        except EOFError:
            return
        _limit_memory(libraries + int(request.pop("max_bytes")))
        _answer(wire, Path(request.pop("path")), ReadOptions(**request))


def _die_with_parent(life: int) -> None:
    """Let the kernel end this process when the other end of ``life`` closes.

    Also in the midst of a library that never returns, or that holds Python's lock:
    the signal ends the process without asking it.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(life, fcntl.F_GETFL)
    fcntl.fcntl(life, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
    try:
        if os.read(life, 1) == b"":
            os._exit(0)
    except BlockingIOError:
        pass


class _Wire:
    """Messages over two file descriptors."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests = requests
        self._replies = replies

    def send(self, message: dict[str, Any], data: memoryview | None = None) -> None:
        num_bytes = 0 if data is None else data.nbytes
        self._write(memoryview(packed(message, num_bytes)))
        if data is not None:
            self._write(data)

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[os.write(self._replies, data) :]

    def receive(self) -> tuple[dict[str, Any], int]:
        return unpacked(self._read, 0)

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = os.read(self._requests, count - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def _own_bytes() -> int:
    """Return the address space of this process: now, that of its libraries."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    return pages * resource.getpagesize()


def _limit_memory(limit: int) -> None:
    """Let allocations beyond ``limit`` bytes of address space fail."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _answer(wire: _Wire, path: Path, options: ReadOptions) -> None:
    """Read one video; whatever goes wrong is told, and ends nothing but it."""
    try:
        _read(wire, path, options)
    except VideoReadError as error:
        wire.send({"kind": "error", "reason": error.reason, "message": str(error)})
    except MemoryError:
        message = out_of_memory_text(path)
        wire.send({"kind": "error", "reason": "out_of_memory", "message": message})
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        # PyAV trusts what files say in many places.
        message = f"{path} cannot be decoded: {type(e).__name__}: {e}."
        wire.send({"kind": "error", "reason": "undecodable", "message": message})


def _read(wire: _Wire, path: Path, options: ReadOptions) -> None:
    with Source(path, options) as source:
        facts, timeline = look_at(source, options)
        times = np.array(candidates(timeline, options), np.float64)
        wire.send({"kind": "timeline", "facts": asdict(facts)}, _bytes_of(times))
        request, _ = wire.receive()
        indices: Sequence[int] = wanted_indices(timeline, request["chosen"], options)
        frames = decode_frames(source, facts, timeline, indices)
        while True:
            try:
                frame = next(frames)
            except StopIteration as end:
                wire.send({"kind": "end", "facts": asdict(end.value)})
                return
            _send_frame(wire, frame)


def _send_frame(wire: _Wire, frame: Frame) -> None:
    message: dict[str, Any] = {
        "kind": "frame",
        "index": frame.index,
        "time_s": frame.time_s,
        "width": frame.width,
        "height": frame.height,
    }
    if frame.pixels is None:
        wire.send(message)
    else:
        message["rows"], message["columns"] = frame.pixels.shape[:2]
        wire.send(message, _bytes_of(frame.pixels))


def _bytes_of(array: np.ndarray[Any, Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


if __name__ == "__main__":
    main()
