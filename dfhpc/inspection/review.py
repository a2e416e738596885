"""Which frames are worth a look: misses and the least confident faces first.

The marks of the finished partitions are read one after the other, so that memory does
not grow with the run, and a run still under way can be looked at.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from dfhpc.errors import RunDirectoryError
from dfhpc.extraction.outcomes import done_partitions
from dfhpc.runs import RunDirectory, read_record
from dfhpc.store.partitions import StoreLayout
from dfhpc.videos.manifest import Video

MISSES_A_VIDEO = 2
"""Of an overview: more frames of one video tell little more."""

T = TypeVar("T")


@dataclass(frozen=True)
class Shot:
    """A sampled frame, or a video that gave none, as its partition's mark tells."""

    position: int
    """Of the video in the manifest."""
    slot: int
    """Of the frame among those sampled; -1 for a whole video."""
    partition: int
    shard_bytes: int
    """What the mark says of the partition's shard."""
    video: dict[str, Any] = field(repr=False)
    """Record of the video, without its frames."""
    frame: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def status(self) -> str:
        """Of the frame, or of the video that has none."""
        found: str = (self.frame or self.video)["status"]
        return found

    @property
    def doubt(self) -> tuple[float, float, int, int]:
        """What puts the least confident face first, of equals the most blurred."""
        blur = (self.frame.get("quality") or {}).get("blur") or 0.0
        return self.frame["confidence"], blur, self.position, self.slot


class Least(Generic[T]):
    """Keeps the least of what it is given, at most so many."""

    def __init__(self, limit: int, key: Callable[[T], Any]) -> None:
        """Hold nothing yet."""
        self._limit, self._key = limit, key
        self._kept: list[T] = []
        self.seen = 0

    def add(self, item: T) -> None:
        """Take ``item``, and forget the greatest where there are too many."""
        self.seen += 1
        self._kept.append(item)
        if len(self._kept) >= 2 * self._limit + 64:
            self._kept = self.sorted()

    def sorted(self) -> list[T]:
        """Return what is kept, the least first."""
        return heapq.nsmallest(self._limit, self._kept, key=self._key)


@dataclass
class Review:
    """What an overview of a run shows, and what it counted."""

    limit: int
    faces: dict[int, Least[Shot]] = field(init=False)
    """Of each label."""
    frames: Least[Shot] = field(init=False)
    """The least confident of each video."""
    errors: Least[Shot] = field(init=False)
    misses: Least[Shot] = field(init=False)
    videos: Counter[str] = field(default_factory=Counter)
    num_misses: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.faces = defaultdict(lambda: Least(self.limit, lambda shot: shot.doubt))
        self.frames = Least(self.limit, lambda shot: shot.doubt)
        self.errors = Least(self.limit, lambda shot: shot.position)
        self.misses = Least(self.limit, _severity)

    def add(self, shots: Sequence[Shot], label: int) -> None:
        """Take what became of one video."""
        self.videos[shots[0].video["status"]] += 1
        found = [shot for shot in shots if shot.status == "ok" and shot.frame]
        missed = [shot for shot in shots if shot.frame and shot not in found]
        for shot in found:
            self.faces[label].add(shot)
        if found:
            self.frames.add(min(found, key=lambda shot: shot.doubt))
        if shots[0].slot < 0:
            self.errors.add(shots[0])
        self.num_misses += len(missed)
        for shot in missed[:MISSES_A_VIDEO]:
            self.misses.add(shot)


def _severity(shot: Shot) -> tuple[bool, bool, int, int]:
    """Return what puts frames of videos without any face first, then broken ones."""
    is_partial = shot.video["status"] == "partial"
    return is_partial, shot.status == "no_face", shot.position, shot.slot


def iter_reviewed(
    run: RunDirectory, layout: StoreLayout, on_damage: Callable[[str], None]
) -> Iterator[list[Shot]]:
    """Yield the shots of each video of the finished partitions, in manifest order.

    A video without frames gives one shot that stands for it. A mark that cannot be
    read is told to ``on_damage``.
    """
    for index in sorted(done_partitions(run, layout.num_partitions)):
        try:
            yield from read_partition_shots(run, layout, index)
        except RunDirectoryError as error:
            on_damage(str(error))


def read_partition_shots(
    run: RunDirectory, layout: StoreLayout, index: int
) -> list[list[Shot]]:
    """Return the shots of each video of one partition.

    Raises
    ------
    RunDirectoryError
        When its mark is absent or damaged.
    """
    mark = read_record(run.partition_path(index), "shard_bytes", "videos")
    first = layout.partition(index).first
    return [
        _shots(first + at, index, mark["shard_bytes"], record)
        for at, record in enumerate(mark["videos"])
    ]


def _shots(
    position: int, partition: int, shard_bytes: int, record: dict[str, Any]
) -> list[Shot]:
    video = {key: value for key, value in record.items() if key != "frames"}
    frames = record["frames"]
    if not frames:
        return [Shot(position, -1, partition, shard_bytes, video)]
    return [
        Shot(position, slot, partition, shard_bytes, video, frame)
        for slot, frame in enumerate(frames)
    ]


def find_video(videos: Sequence[Video], wanted: str) -> list[int]:
    """Return the positions of videos called ``wanted``, or whose ids end in it."""
    exact = [at for at, video in enumerate(videos) if video.video_id == wanted]
    return exact or [
        at for at, video in enumerate(videos) if video.video_id.endswith(f"/{wanted}")
    ]
