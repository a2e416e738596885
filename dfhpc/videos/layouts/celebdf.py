"""Celeb-DF v1 and v2 (Li et al. 2020).

``Celeb-real/idX_NNNN.mp4``, ``YouTube-real/NNNNN.mp4`` and
``Celeb-synthesis/idX_idY_NNNN.mp4``, where X is the target and Y the face put in.
``List_of_testing_videos.txt`` names the official test videos.
"""

import re
from itertools import pairwise
from pathlib import Path, PurePosixPath

from dfhpc.config import DataConfig
from dfhpc.constants import LABEL_FAKE, LABEL_REAL
from dfhpc.errors import DataLayoutError
from dfhpc.videos.groups import component_ids
from dfhpc.videos.layouts.walk import file_bytes, walk_videos
from dfhpc.videos.manifest import Video

LIST_NAME = "List_of_testing_videos.txt"
_LABELS = {
    "Celeb-real": LABEL_REAL,
    "YouTube-real": LABEL_REAL,
    "Celeb-synthesis": LABEL_FAKE,
}
_LIST_LABELS = {"1": LABEL_REAL, "0": LABEL_FAKE}
"""The list file says 1 for REAL, the other way round than everybody else."""

_PERSON = re.compile(r"id\d+")


def matches(root: Path) -> bool:
    """Whether ``root`` has a folder of this data set."""
    return any((root / folder).is_dir() for folder in _LABELS)


def read(root: Path, data: DataConfig) -> list[Video]:
    """Return the videos below ``root`` with groups by person and the official split.

    Raises
    ------
    DataLayoutError
        When the list file is damaged or contradicts the folders.
    """
    del data
    found = [
        (video_id, path)
        for video_id, path in walk_videos(root)
        if video_id.split("/")[0] in _LABELS
    ]
    listed = _testing_list(root / LIST_NAME)
    edges = [pair for video_id, _ in found for pair in pairwise(people_in(video_id))]
    groups = component_ids({p for v, _ in found for p in people_in(v)}, edges)
    return [_video(video_id, path, groups, listed) for video_id, path in found]


def people_in(video_id: str) -> tuple[str, ...]:
    """Return the persons in a clip; a YouTube clip is a person of its own."""
    folder, name = video_id.split("/")[0], PurePosixPath(video_id).stem
    if folder == "YouTube-real":
        return (f"youtube-{name}",)
    return tuple(part for part in name.split("_") if _PERSON.fullmatch(part)) or (name,)


def _video(
    video_id: str, path: Path, groups: dict[str, str], listed: dict[str, int]
) -> Video:
    folder = video_id.split("/")[0]
    label = _LABELS[folder]
    if listed.get(video_id, label) != label:
        raise DataLayoutError(
            f"{LIST_NAME} gives {video_id} the label of the other class; "
            "in that file 1 means REAL and 0 means FAKE."
        )
    split = ("test" if video_id in listed else "train") if listed else ""
    return Video(
        video_id=video_id,
        path=str(path.absolute()),
        label=label,
        group_id=f"celebdf-{groups[people_in(video_id)[0]]}",
        method=folder,
        split=split,
        bytes=file_bytes(path),
    )


def _testing_list(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    listed = {}
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        label, _, name = line.strip().partition(" ")
        if label not in _LIST_LABELS or not name:
            raise DataLayoutError(
                f"{path}, line {number}: not `<1|0> <path>`: {line!r}."
            )
        listed[name.strip()] = _LIST_LABELS[label]
    return listed
