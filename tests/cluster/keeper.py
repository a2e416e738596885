"""Runs one program, and ends every process that came from it.

    python keeper.py PROGRAM ARGUMENT...

The keeper adopts orphans, so that even the jobs of a slurmd, which leave its process
tree on purpose, stay below it. When its standard input closes (its owner let go, or
died) or the program ends, everything below is killed, parents first: a slurmd has no
time to tell of its jobs' end. SIGTERM is passed on to the program.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    """Run ``command`` until it ends or the standard input closes."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    program = os.fork()
    if program == 0:
        _become(command, libc)
    signal.signal(signal.SIGTERM, lambda number, _: _send(program, number))
    threading.Thread(target=_end_with_owner, daemon=True).start()
    return _reap_until_ended(program)


def _become(command: list[str], libc: ctypes.CDLL) -> None:
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def _end_with_owner() -> None:
    while os.read(0, 1024):
        pass
    _kill_descendants()


def _reap_until_ended(program: int) -> int:
    """Reap everything that ends; once the program has, end and reap the rest."""
    result = 0
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return result
        if pid == program:
            result = os.waitstatus_to_exitcode(status)
            _kill_descendants()


def _kill_descendants() -> None:
    while pids := _descendants(os.getpid()):
        for pid in pids:
            _send(pid, signal.SIGKILL)
        time.sleep(0.005)


def _descendants(ancestor: int) -> list[int]:
    """Return the living descendants, parents before children."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append(int(stat.parent.name))
    found = list(children.get(ancestor, ()))
    for pid in found:
        found += children.get(pid, ())
    return found


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
