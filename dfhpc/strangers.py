"""Which videos of another run are strangers: nobody in them trained the models.

Two runs may name their people alike and mean different ones, or the reverse, so names
count as far as they go:

- FaceForensics++, Celeb-DF and DFDC name people or originals once for all. Their names
  mean the same in any copy of the data set, whatever is on the disk there.
- Groups that a person wrote into a table mean the same in every table: whoever is left
  out wrongly shows in a count, and whoever is not left out would show nowhere.
- A video that is its own group has its path below the data folder for a name, which
  means the same in that folder only.
- A file is itself, under whatever name: by its path, or by its content.

Videos that share a name in either run belong together, and what belongs to a video
that trained or calibrated belongs to it in all runs.
"""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal

from dfhpc.videos.groups import component_ids
from dfhpc.videos.layouts.celebdf import people_in
from dfhpc.videos.layouts.ffpp import METHODS, ORIGINALS, sequence_ids
from dfhpc.videos.manifest import Video

Standing = Literal["stranger", "tested", "seen", "unused"]
"""What a run knows of a video's people: nothing; they serve it as test; they trained
or calibrated its models; or they are in its data, and in no part of its split."""

STANDINGS: tuple[Standing, ...] = ("stranger", "tested", "seen", "unused")
SCORED: tuple[Standing, ...] = ("stranger", "tested")
"""Those that models may be measured on. Who is unused may be so for a reason, as the
sequences that official_strict leaves out because their upload trains elsewhere."""

DATA_SETS = ("ffpp", "celebdf", "dfdc")
"""Beginnings of group ids whose names mean the same everywhere."""


@dataclass(frozen=True)
class VideoSet:
    """The videos of a run, and the folder or table that they come from."""

    videos: Sequence[Video]
    data: Path | None


def sort_out(
    own: VideoSet, seen: Collection[str], tested: Collection[str], other: VideoSet
) -> list[Standing]:
    """Return what ``own`` knows of the people in each video of ``other``.

    ``seen`` are ids of own videos that trained or calibrated, ``tested`` of those that
    did neither and serve as test.
    """
    contents = _shared_contents(own.videos, other.videos)
    own_names = [_names(video, own.data, contents) for video in own.videos]
    other_names = [_names(video, other.data, contents) for video in other.videos]
    every = [*own_names, *other_names]
    nodes = sorted({name for names in every for name in names})
    parts = component_ids(nodes, (pair for names in every for pair in pairwise(names)))
    part_of = {
        video.video_id: parts[names[0]]
        for video, names in zip(own.videos, own_names, strict=True)
    }
    seen_parts = {part_of[video_id] for video_id in seen}
    tested_parts = {part_of[video_id] for video_id in tested}
    known_parts = set(part_of.values())

    def standing(part: str) -> Standing:
        if part in seen_parts:
            return "seen"
        if part in tested_parts:
            return "tested"
        return "unused" if part in known_parts else "stranger"

    return [standing(parts[names[0]]) for names in other_names]


def names_tell(videos: Sequence[Video]) -> bool:
    """Whether anything tells who is in the videos: some share a group, or a data set.

    >>> names_tell([Video("real/a.mp4", "/a", 0, "real/a.mp4")])
    False
    """
    return any(
        video.group_id != video.video_id or _data_set(video.group_id)
        for video in videos
    )


def _data_set(group_id: str) -> str:
    """Return the data set that a group id names, empty if none.

    >>> _data_set("ffpp-035"), _data_set("real/a.mp4")
    ('ffpp', '')
    """
    head, dash, _ = group_id.partition("-")
    return head if dash and head in DATA_SETS else ""


def _names(
    video: Video, data: Path | None, contents: dict[str, str]
) -> tuple[str, ...]:
    """Return every name that a video goes by; equal ones mean the same."""
    file = f"file:{os.path.realpath(video.path)}"
    if video.images:
        file += f":{video.images}"
    names = [file, *_people(video, data)]
    if video.path in contents:
        names.append(f"content:{contents[video.path]}")
    return tuple(names)


def _people(video: Video, data: Path | None) -> list[str]:
    """Return the names of the people in a video, or of who it was cut from."""
    data_set = _data_set(video.group_id)
    if not data_set:
        if video.group_id == video.video_id:
            folder = os.path.realpath(data) if data is not None else ""
            return [f"video:{folder}:{video.video_id}"]
        return [f"group:{video.group_id}"]
    people = [video.group_id.removeprefix(f"{data_set}-")]
    if data_set == "ffpp" and video.method in (*METHODS, *ORIGINALS):
        is_actor = video.method in ("actors", "DeepFakeDetection")
        prefix = "actor-" if is_actor else ""
        people += [prefix + name for name in sequence_ids(video)]
    elif data_set == "celebdf":
        people += people_in(video.video_id)
    elif data_set == "dfdc":
        people.append(PurePosixPath(video.video_id).name)
    return [f"{data_set}:{name}" for name in people]


def _shared_contents(own: Sequence[Video], other: Sequence[Video]) -> dict[str, str]:
    """Return digests of the files that may be copies of one in the other run, by path.

    Only files of equal size are read; one that is gone is a copy of none.
    """
    paths: list[dict[int, set[str]]] = []
    for videos in (own, other):
        by_size = defaultdict(set)
        for video in videos:
            if video.bytes and not video.images:
                by_size[video.bytes].add(video.path)
        paths.append(by_size)
    found = {}
    for size in paths[0].keys() & paths[1].keys():
        if paths[0][size] != paths[1][size]:
            for path in paths[0][size] | paths[1][size]:
                if digest := _digest(Path(path)):
                    found[path] = digest
    return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def count_standings(standings: Sequence[Standing]) -> dict[str, int]:
    """Return how many videos have which standing.

    >>> count_standings(["tested", "seen", "seen"])
    {'stranger': 0, 'tested': 1, 'seen': 2, 'unused': 0}
    """
    counts = Counter(standings)
    return {name: counts[name] for name in STANDINGS}
