"""The process that decodes: started, spoken to within a time, ended, and counted."""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from dfhpc.errors import DecoderError
from dfhpc.videos.frames import LARGEST_SHOWN
from dfhpc.videos.messages import MessageError, packed, unpacked

START_S = 300.0
"""How long its libraries may take to load: over a network, many at once."""

END_S = 10.0
"""How long to wait for a killed process: one that waits for a disk does not end."""

LONGEST_POLL_S = 3600.0

PIPE_BYTES = 1024**2
"""The most that any user may ask for; frames go through in fewer pieces."""

MOST_BYTES = max(3 * LARGEST_SHOWN, 8 * 50_000_000)
"""Behind a message: a frame, or the times of 50 million."""

_OURS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
"""Signals that go to all processes of a terminal or a job, and are for the others."""


class EndedError(Exception):
    """The process ended, or said what makes no sense; ``code`` as subprocess has it."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class TimeIsUpError(Exception):
    """It has not answered within its time."""


class DecoderProcess:
    """One process, from its start to its end."""

    def __init__(self) -> None:
        """Start it and do not wait: it loads its libraries meanwhile."""
        life, self._life = os.pipe()
        try:
            self._process = _popen(life)
        except OSError as error:
            os.close(self._life)
            raise DecoderError(f"No process to decode with: {error}.") from error
        finally:
            os.close(life)
        assert self._process.stdin
        assert self._process.stdout
        self._requests = self._process.stdin.fileno()
        self._replies = self._process.stdout.fileno()
        os.set_blocking(self._requests, False)
        os.set_blocking(self._replies, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._replies, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._is_ready = self._is_ended = False
        self._used_s = 0.0
        self._left_s = 0.0

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def begin(self, time_limit_s: float) -> None:
        """Wait until it is ready; from now on it may be waited for so long in all.

        Raises
        ------
        DecoderError
            When it does not start.
        """
        if not self._is_ready:
            self._left_s = START_S
            try:
                self.receive()
            except (EndedError, TimeIsUpError) as error:
                words = self._last_words()
                self.end()
                raise DecoderError(
                    f"The process that decodes videos does not start: {words or error}."
                ) from error
            self._is_ready = True
        self._left_s = time_limit_s

    def send(self, message: dict[str, Any]) -> None:
        """Say something."""
        data = memoryview(packed(message))
        while data:
            self._wait(self._requests, select.POLLOUT)
            try:
                data = data[os.write(self._requests, data) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise EndedError(self.end(is_asked=False)) from None

    def receive(self) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        """Return its next message and the bytes behind it.

        Raises
        ------
        EndedError
            When it has ended, or what it says is no message.
        TimeIsUpError
            When it has been waited for too long since ``begin``.
        """
        try:
            message, num_bytes = unpacked(lambda n: self._read(n).tobytes(), MOST_BYTES)
        except MessageError:
            raise EndedError(self.end()) from None
        return message, self._read(num_bytes)

    def _read(self, count: int) -> NDArray[np.uint8]:
        data = np.empty(count, np.uint8)
        view = data.data
        while view:
            self._wait(self._replies, select.POLLIN)
            try:
                num_read = os.readv(self._replies, [view])
            except BlockingIOError:
                continue
            if num_read == 0:
                raise EndedError(self.end(is_asked=False))
            view = view[num_read:]
        return data

    def _wait(self, descriptor: int, event: int) -> None:
        if self._is_ended:
            raise EndedError(self._process.returncode)
        poll = select.poll()
        poll.register(descriptor, event)
        while True:
            started = time.monotonic()
            # The system counts in milliseconds that must fit into 32 bits.
            is_there = poll.poll(1000 * min(max(0.0, self._left_s), LONGEST_POLL_S))
            self._left_s -= time.monotonic() - started
            if is_there:
                return
            if self._left_s <= 0:
                raise TimeIsUpError

    def cpu_s(self) -> float:
        """Return the seconds of CPU that it has used."""
        # Of one that has ended the system knows it until the exit code is fetched.
        with contextlib.suppress(psutil.Error):
            if self._process.returncode is None:
                times = psutil.Process(self.pid).cpu_times()
                self._used_s = float(times.user + times.system)
        return self._used_s

    def end(self, *, is_asked: bool = True) -> int | None:
        """End it, or where it ends of itself wait for that; return its exit code."""
        if is_asked:
            self._process.kill()
        self.cpu_s()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            if not is_asked:
                return self.end()
        for file in (self._process.stdin, self._process.stdout, self._process.stderr):
            if file is not None:
                file.close()
        if not self._is_ended:
            os.close(self._life)
            self._is_ended = True
        return self._process.returncode

    def _last_words(self) -> str:
        """Return the last line that it wrote to standard error."""
        assert self._process.stderr
        with contextlib.suppress(OSError, ValueError):
            os.set_blocking(self._process.stderr.fileno(), False)
            text = self._process.stderr.read() or b""
            return text.decode(errors="replace").strip().rpartition("\n")[2]
        return ""


def _popen(life: int) -> subprocess.Popen[bytes]:
    """Start the program; ``life`` closes when this process ends."""
    read, write = os.pipe()
    # Nobody reads it unless the start fails: a full pipe must hold nothing up.
    os.set_blocking(write, False)
    try:
        with _signals_blocked():
            process = subprocess.Popen(
                # -P: a file in the working folder must not pass for a library.
                [sys.executable, "-P", "-m", "dfhpc.videos.decoder_program", str(life)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=write,
                pass_fds=(life,),
                env=_environment(),
                bufsize=0,
            )
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    process.stderr = os.fdopen(read, "rb", buffering=0)
    return process


def _environment() -> dict[str, str]:
    """Return this process's environment, with its packages and one thread."""
    return dict(os.environ) | {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path),
        # Else NumPy's BLAS reserves memory for every core of the node.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Keep signals from the process that is started in the block, for good.

    It inherits the mask of this thread, and ends when this process does.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
