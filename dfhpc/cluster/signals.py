"""Stopping cleanly: a flag that signals set and that work asks between units."""

import os
import signal
import sys
import threading
from types import FrameType

from dfhpc.constants import EXIT_RESUMABLE
from dfhpc.errors import StoppedError

_stop = threading.Event()
_hurry = threading.Event()


def install_handlers() -> None:
    """Ask for a clean stop on the signals that SLURM, LSF and a terminal send.

    SIGUSR1, SIGUSR2 and SIGTERM let running units end; Ctrl-C does not wait for
    them, and a second Ctrl-C ends the process at once. Nothing finished is lost
    in any case.
    """
    for signum in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _request_stop)


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
