"""Stopping cleanly: a flag that signals set and that work asks between units."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

from dfhpc.constants import EXIT_RESUMABLE
from dfhpc.errors import StoppedError

STOP_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT)

_stop = threading.Event()
_hurry = threading.Event()
_give_up_at: list[float] = []

GRACE_S = 120.0
"""How long running units may take to end; then they are given up and done anew."""

TERM_GRACE_S = 15.0
"""The same after SIGTERM: batch systems kill half a minute later."""

_grace_s = [GRACE_S]


@contextlib.contextmanager
def stop_on_signals(grace_s: float = GRACE_S) -> Iterator[None]:
    """Take the signals of SLURM, LSF and a terminal as a wish to stop, in the block.

    SIGUSR1, SIGUSR2 and SIGTERM let running units end; Ctrl-C does not wait for
    them, and a second Ctrl-C ends the process at once. Nothing finished is lost
    in any case. Only the main thread of a process can take signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _grace_s[:] = [min(GRACE_S, grace_s)]
    before = {signum: signal.signal(signum, _request_stop) for signum in STOP_SIGNALS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Keep Ctrl-C from the threads and processes that the block starts, for good.

    A terminal sends it to the workers too, which have nothing to say to it. They
    inherit the signal mask of the thread that starts them. One that arrives
    meanwhile reaches this process after the block.
    """
    # The tracker lifts the mask of the thread that starts it, so it must be there.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _request_stop(signum: int, frame: FrameType | None) -> None:
    del frame
    if signum == signal.SIGINT:
        if _hurry.is_set():
            os._exit(EXIT_RESUMABLE)
        _hurry.set()
    request_stop(TERM_GRACE_S if signum == signal.SIGTERM else _grace_s[0])
    how = (
        "stopping" if signum == signal.SIGINT else "finishing what runs, then stopping"
    )
    print(f"\n{signal.Signals(signum).name}: {how}.", file=sys.stderr, flush=True)


def request_stop(grace_s: float = GRACE_S) -> None:
    """Ask for a stop; units that run have so long to end."""
    _give_up_at.append(time.monotonic() + grace_s)
    _stop.set()


def stop_requested() -> bool:
    """Whether to take no new unit; ask between units."""
    return _stop.is_set()


def hurry_requested() -> bool:
    """Whether not to wait for the units that run, or to wait no longer."""
    waited = bool(_give_up_at) and time.monotonic() > min(_give_up_at)
    return _hurry.is_set() or waited


def reset() -> None:
    """Forget earlier requests; a process that runs several commands needs it."""
    _stop.clear()
    _hurry.clear()
    _give_up_at.clear()


def raise_if_stopped() -> None:
    """Raise StoppedError when a stop is requested."""
    if stop_requested():
        raise StoppedError(
            "Stopped; what is finished is kept. Give the same command to go on."
        )
