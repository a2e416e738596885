"""Is a rename atomic? One host replaces a file, another one reads it all the while."""

import errno
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

NAME = "renamed"
TIMES = 200
LONGEST_S = 5.0
_REPEATS = 4096
_POLL_S = 0.001


def content(version: int) -> bytes:
    """Return what stands in the file: one word, many times over.

    >>> version_of(content(7))
    7
    """
    return b"%08d" % version * _REPEATS


def version_of(data: bytes) -> int | None:
    """Return the version of a whole file, None of one that is not whole."""
    word = data[:8]
    return int(word) if word.isdigit() and data == word * _REPEATS else None


def replace_many(folder: Path) -> int:
    """Replace the file many times; return how many it was."""
    deadline = time.monotonic() + LONGEST_S
    aside = folder / f"{NAME}.partial"
    for version in range(1, TIMES + 1):
        aside.write_bytes(content(version))
        os.replace(aside, folder / NAME)
        time.sleep(_POLL_S)
        if time.monotonic() > deadline:
            return version
    return TIMES


@dataclass
class Sightings:
    """What a reader saw."""

    reads: int = 0
    newest: int = 0
    absent: int = 0
    partial: int = 0
    stale: int = 0
    """Reads that ended in "stale file handle", as on NFS."""


class Reader(threading.Thread):
    """Reads the file all the while, from before it is first replaced."""

    def __init__(self, folder: Path) -> None:
        """Write the file's first version."""
        super().__init__(name="dfhpc-doctor-reader", daemon=True)
        self._path = folder / NAME
        self._path.write_bytes(content(0))
        self._closing = threading.Event()
        self.seen = Sightings()

    def run(self) -> None:
        """Read until closed."""
        while not self._closing.is_set():
            self._read()
            # Quick while the file changes, and idle while a job waits in its queue.
            is_busy = 0 < self.seen.newest < TIMES
            self._closing.wait(_POLL_S if is_busy else 0.05)

    def _read(self) -> None:
        seen = self.seen
        seen.reads += 1
        try:
            version = version_of(self._path.read_bytes())
        except FileNotFoundError:
            seen.absent += 1
        except OSError as error:
            # Anything else is a failure of the host, told by other probes.
            seen.stale += error.errno == errno.ESTALE
        else:
            seen.partial += version is None
            seen.newest = max(seen.newest, version or 0)

    def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        if self.is_alive():
            self.join(timeout=5)
