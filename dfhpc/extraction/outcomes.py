"""How many videos of which partition failed: the marks say it, a journal says it fast.

The marks alone are the truth, but reading 100,000 of them takes minutes. Each worker
appends what it has done to a journal of its own; only marks that no journal tells of
are read.
"""

import contextlib
import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

from dfhpc import journal
from dfhpc.errors import RunDirectoryError
from dfhpc.runs import RunDirectory, read_record

FAILED = ("no_face", "error")
"""Statuses of a video that gave no face."""

MAX_MARKS = 1000
"""Marks read at a time: a second, and a few on the file system of a cluster."""


def done_partitions(run: RunDirectory, num_partitions: int) -> set[int]:
    """Return the partitions that have a done-mark."""
    try:
        with os.scandir(run.partitions_dir) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return set()
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    found = (int(stem) for stem in stems if stem.isdecimal())
    return {index for index in found if index < num_partitions}


def note_outcome(run: RunDirectory, index: int, counts: dict[str, Any]) -> None:
    """Note what became of the videos of a partition, in this process's own journal."""
    videos = counts["videos"]
    failed = {name: videos[name] for name in FAILED if name in videos}
    path = run.outcomes_dir / f"{socket.gethostname()}-{os.getpid()}.jsonl"
    # A full disk must not end the work: then the mark is read.
    with contextlib.suppress(OSError):
        journal.append(path, {"partition": index, "failed": failed})


class FailedVideos:
    """Counts failed videos; what was read once is not read again."""

    def __init__(self, run: RunDirectory) -> None:
        """Read nothing yet."""
        self._run = run
        self._known: dict[int, dict[str, int]] = {}
        self._offsets: Counter[str] = Counter()
        self.damaged: set[int] = set()
        """Partitions whose mark cannot be read; extraction does them again."""

    def count(self, done: set[int]) -> tuple[Counter[str], int]:
        """Return failed videos by status, and how many partitions are not known yet."""
        self._read_journal()
        unknown = sorted(done - self._known.keys() - self.damaged)
        for index in unknown[:MAX_MARKS]:
            self._read_mark(index)
        counts: Counter[str] = Counter()
        for index in done & self._known.keys():
            if self._known[index]:
                counts.update(self._known[index])
        return counts, max(0, len(unknown) - MAX_MARKS)

    def _read_journal(self) -> None:
        for line in self._new_lines():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                record = json.loads(line)
                failed = {str(k): int(v) for k, v in dict(record["failed"]).items()}
                self._known[int(record["partition"])] = failed

    def _new_lines(self) -> Iterator[bytes]:
        """Yield the whole lines that were appended since the last time."""
        for path in sorted(self._run.outcomes_dir.glob("*.jsonl")):
            try:
                with path.open("rb") as file:
                    file.seek(self._offsets[path.name])
                    text = file.read()
            except FileNotFoundError:
                continue
            whole = text[: text.rfind(b"\n") + 1]
            self._offsets[path.name] += len(whole)
            yield from whole.splitlines()

    def _read_mark(self, index: int) -> None:
        path = self._run.partition_path(index)
        try:
            videos = read_record(path, "videos")["videos"]
            counts = Counter(video["status"] for video in videos)
        except (RunDirectoryError, TypeError, KeyError):
            if path.exists():
                self.damaged.add(index)
            return
        self._known[index] = {name: counts[name] for name in FAILED if counts[name]}
