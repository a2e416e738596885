"""Stopping cleanly: a flag that signals set and that work asks between units."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from dfhpc.constants import EXIT_RESUMABLE
from dfhpc.errors import StoppedError

STOP_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT)

_stop = threading.Event()
_hurry = threading.Event()


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Take the signals of SLURM, LSF and a terminal as a wish to stop, in the block.

    SIGUSR1, SIGUSR2 and SIGTERM let running units end; Ctrl-C does not wait for
    them, and a second Ctrl-C ends the process at once. Nothing finished is lost
    in any case. Only the main thread of a process can take signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, _request_stop) for signum in STOP_SIGNALS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C in the block, and so for good in the processes it starts.

    A terminal sends it to the workers too, which have nothing to say to it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _request_stop(signum: int, frame: FrameType | None) -> None:
    del frame
    if signum == signal.SIGINT:
        if _hurry.is_set():
            os._exit(EXIT_RESUMABLE)
        _hurry.set()
    _stop.set()
    how = (
        "stopping" if signum == signal.SIGINT else "finishing what runs, then stopping"
    )
    print(f"\n{signal.Signals(signum).name}: {how}.", file=sys.stderr, flush=True)


def stop_requested() -> bool:
    """Whether to take no new unit; ask between units."""
    return _stop.is_set()


def hurry_requested() -> bool:
    """Whether not even to wait for the units that run."""
    return _hurry.is_set()


def reset() -> None:
    """Forget earlier requests; a process that runs several commands needs it."""
    _stop.clear()
    _hurry.clear()


def raise_if_stopped() -> None:
    """Raise StoppedError when a stop is requested."""
    if stop_requested():
        raise StoppedError(
            "Stopped; what is finished is kept. Give the same command to go on."
        )
