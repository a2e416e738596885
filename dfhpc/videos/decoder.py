"""Videos read in a process of their own, so that a hostile file costs itself only."""

import atexit
import contextlib
import functools
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import VideoReadError
from dfhpc.videos.decoder_process import DecoderProcess, EndedError, TimeIsUpError
from dfhpc.videos.frames import Choose, Frame, FrameStream, ReadOptions, VideoFacts

KILLED = "decoder_killed"
"""Reason for a decoder that something else than this process killed."""


@dataclass(frozen=True)
class DecoderLimits:
    """What reading a video may take; beyond it, its decoder is ended."""

    time_limit_s: float = 300.0
    """How long a video's decoder is waited for in all, its start not counted."""
    max_bytes: int = 2 * 1024**3
    """Address space beyond that of its libraries."""
    read: ReadOptions = field(default_factory=ReadOptions)


class Decoder:
    """Reads one video at a time in a process that lives on, or is started anew."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: DecoderProcess | None = None
        self._lock = threading.Lock()
        self._spent_s = 0.0
        self._is_reading = False

    def start(self) -> None:
        """Start the process if there is none, and do not wait for it."""
        with self._lock:
            if self._process is None:
                self._process = DecoderProcess()

    def stop(self) -> None:
        """End the process; the next video gets another."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.end()
            self._spent_s += process.cpu_s()

    @property
    def pid(self) -> int | None:
        """The process's number, None if there is none."""
        process = self._process
        return process.pid if process else None

    def cpu_s(self) -> float:
        """Return the seconds of CPU of its processes, ended ones included."""
        process = self._process
        return self._spent_s + (process.cpu_s() if process else 0.0)

    def read(
        self, path: Path, choose: Choose, limits: DecoderLimits | None = None
    ) -> tuple[VideoFacts, FrameStream]:
        """Return what ``read_frames`` returns, decoded by the process.

        It is a frame ahead, or as many as fit into the pipe between: it decodes the
        next while this one is looked at. Who reads a video before the last one's end
        gives that one up.

        Raises
        ------
        VideoReadError
            As ``read_frames`` does; and when the decoder crashes, is killed, needs
            more memory or is not done in time. Frames may raise it too.
        DecoderError
            When the process does not start.
        """
        limits = limits or DecoderLimits()
        if self._is_reading:
            self.stop()
        self.start()
        assert self._process is not None
        process = self._process
        with self._conversation(path, limits):
            process.begin(limits.time_limit_s)
            asked = {"path": os.fspath(path), "max_bytes": limits.max_bytes}
            process.send(asked | asdict(limits.read))
            message, data = process.receive()
            if message["kind"] != "timeline":
                self._conclude(message)
            facts = VideoFacts(**message["facts"])
            times_s = data.view(np.float64).tolist()
        chosen = choose(times_s)
        return facts, FrameStream(facts, self._frames(process, path, limits, chosen))

    def _frames(
        self,
        process: DecoderProcess,
        path: Path,
        limits: DecoderLimits,
        chosen: Sequence[int],
    ) -> Generator[Frame, None, VideoFacts]:
        with self._conversation(path, limits):
            process.send({"chosen": [int(position) for position in chosen]})
        while True:
            with self._conversation(path, limits):
                message, data = process.receive()
                if message["kind"] != "frame":
                    return self._conclude(message)
                frame = _frame(message, data)
            yield frame

    @contextlib.contextmanager
    def _conversation(self, path: Path, limits: DecoderLimits) -> Iterator[None]:
        """Turn what may happen to the process into what is said of the video."""
        self._is_reading = True
        try:
            yield
        except VideoReadError:
            raise
        except TimeIsUpError:
            self.stop()
            raise _timeout(path, limits) from None
        except EndedError as ended:
            self.stop()
            raise _crash(path, ended.code) from None
        except (KeyError, TypeError, ValueError) as error:
            self.stop()
            raise _crash(path, None) from error

    def _conclude(self, message: dict[str, Any]) -> VideoFacts:
        """Return what the last message of a video says, or raise it."""
        self._is_reading = False
        if message["kind"] == "end":
            return VideoFacts(**message["facts"])
        reason = str(message["reason"])
        if reason == "out_of_memory":
            # Its memory may be in pieces.
            self.stop()
        raise VideoReadError(reason, str(message["message"]))


def _frame(message: dict[str, Any], data: NDArray[np.uint8]) -> Frame:
    pixels = None
    if "rows" in message:
        pixels = data.reshape(message["rows"], message["columns"], 3)
    return Frame(
        index=int(message["index"]),
        time_s=float(message["time_s"]),
        pixels=pixels,
        width=int(message["width"]),
        height=int(message["height"]),
    )


def _timeout(path: Path, limits: DecoderLimits) -> VideoReadError:
    return VideoReadError(
        "decoder_timeout",
        f"{path} was not decoded within {limits.time_limit_s:g} s; raise "
        "extract.time_limit_s if it is sound.",
    )


def _crash(path: Path, code: int | None) -> VideoReadError:
    if code == -signal.SIGKILL:
        return VideoReadError(
            KILLED,
            f"Something killed the decoder while it read {path}: most likely the "
            "system, for lack of memory.",
        )
    if code is None:
        how = "spoke nonsense"
    elif code < 0:
        how = f"crashed with {_signal_name(-code)}"
    else:
        how = f"ended with exit code {code}"
    return VideoReadError("decoder_crashed", f"The decoder {how} while it read {path}.")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def get_decoder() -> Decoder:
    """Return the decoder of this process."""
    # A forked child must not speak with its parent's.
    return _decoder_of(os.getpid())


@functools.cache
def _decoder_of(pid: int) -> Decoder:
    del pid
    decoder = Decoder()
    atexit.register(decoder.stop)
    return decoder
