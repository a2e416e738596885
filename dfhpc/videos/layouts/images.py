"""Images on disk: frames of videos, or faces cut from them, below real and fake.

A folder of images is one video. In a folder that is called real or fake, in the data
folder itself, and where the names tell videos apart, the names decide; an image whose
name says nothing is a video of its own.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from dfhpc.config import DataConfig
from dfhpc.constants import IMAGE_SUFFIXES
from dfhpc.errors import DataLayoutError
from dfhpc.videos.images import natural_key
from dfhpc.videos.layouts.folders import is_label, label_of
from dfhpc.videos.layouts.walk import file_bytes, walk_files
from dfhpc.videos.manifest import Video

_COUNTED = re.compile(
    r"(?P<video>.+?)"
    r"(?:[ _-](?:(?:frame|image|img|f)[ _-]?)?|frame|image|img)\d+"
    r"(?:[ _-]?(?:face|crop)[ _-]?\d*)?",
    re.IGNORECASE,
)
"""A name that ends in the number of a frame, and perhaps that of a face in it."""

_WORDS = frozenset(
    {"crop", "face", "fake", "frame", "image", "img", "photo", "pic", "picture"}
    | {"real", "video", "deepfake", "original", "f", "faces", "frames", "images"}
)
"""Words that name no video."""

Key = tuple[str, str]
"""Video and group that a name stands for; the group may be empty."""


def read(root: Path, data: DataConfig) -> list[Video]:
    """Return the images below ``root`` as videos.

    Raises
    ------
    DataLayoutError
        When a folder cannot be listed, or a pattern finds a video of two groups.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for image_id, _ in walk_files(root, IMAGE_SUFFIXES):
        parent, _, name = image_id.rpartition("/")
        folders[parent].append(name)
    find = _by_patterns(data.image_groups) if data.image_groups else None
    return [
        video
        for folder, names in sorted(folders.items())
        for video in _videos(root, folder, sorted(names, key=natural_key), find)
    ]


def video_of(name: str) -> str:
    """Return which video a frame's name says it is of, empty where it does not.

    >>> video_of("Deepfake_video3_image_12.jpg"), video_of("000_003_frame0030.png")
    ('Deepfake_video3', '000_003')
    >>> video_of("image_12.jpg"), video_of("0001.png"), video_of("frame_3_face_0.png")
    ('', '', '')
    """
    match = _COUNTED.fullmatch(PurePosixPath(name).stem)
    key = match["video"] if match else ""
    words = re.split("[ _-]+", key.lower())
    return "" if all(word in _WORDS or not word for word in words) else key


def _by_patterns(patterns: Sequence[str]) -> Callable[[str], Key]:
    compiled = [re.compile(pattern) for pattern in patterns]

    def find(image_id: str) -> Key:
        for pattern in compiled:
            match = pattern.search(image_id)
            if match is not None:
                return _key(match)
        return "", ""

    return find


def _key(match: re.Match[str]) -> Key:
    """Return what the groups named video and group hold, or the first, or all."""
    named = match.groupdict()
    if named:
        return named.get("video") or "", named.get("group") or ""
    return (match[1] if match.re.groups else match[0]) or "", ""


def _videos(
    root: Path, folder: str, names: list[str], find: Callable[[str], Key] | None
) -> Iterator[Video]:
    """Yield the videos that the images of one folder are."""
    place = f"{folder}/" if folder else ""
    if find is not None:
        keys = [find(place + name) for name in names]
    elif _is_one_video(folder, names):
        yield _video(root / folder, folder, names, is_whole=True)
        return
    else:
        keys = [(video, "") for video in _own_keys(names)]
    members: dict[str, list[str]] = defaultdict(list)
    groups: dict[str, set[str]] = defaultdict(set)
    for name, (video, group) in zip(names, keys, strict=True):
        video_id = place + (video.replace("/", "-") or name)
        members[video_id].append(name)
        groups[video_id].add(group)
    for video_id, inside in members.items():
        group = _only(video_id, groups[video_id])
        yield _video(root / folder, video_id, inside, group)


def _is_one_video(folder: str, names: list[str]) -> bool:
    if not folder or is_label(PurePosixPath(folder).name):
        return False
    return len({video_of(name) for name in names} - {""}) < 2


def _own_keys(names: list[str]) -> list[str]:
    """Return the videos that names tell of; one word before all numbers is none."""
    keys = [video_of(name) for name in names]
    known = set(keys) - {""}
    is_word = len(known) == 1 and not any(map(str.isdigit, known.pop()))
    return [""] * len(names) if is_word else keys


def _only(video_id: str, groups: set[str]) -> str:
    if len(groups) > 1:
        raise DataLayoutError(
            f"The images of {video_id} are of {len(groups)} groups by the patterns in "
            "data.image_groups; let them find one group for each video."
        )
    return groups.pop()


def _video(
    folder: Path,
    video_id: str,
    names: list[str],
    group: str = "",
    *,
    is_whole: bool = False,
) -> Video:
    is_single = video_id.rpartition("/")[2] == names[0]
    path = folder / names[0] if is_single else folder
    return Video(
        video_id=video_id,
        path=str(path.absolute()),
        label=label_of(video_id),
        group_id=group or video_id,
        bytes=sum(file_bytes(folder / name) for name in names),
        images="" if is_whole or is_single else "/".join(names),
    )
