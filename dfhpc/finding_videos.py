"""Which videos are asked for: files named, and what lies below folders named."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfhpc.constants import IMAGE_SUFFIXES
from dfhpc.videos.layouts.images import video_of
from dfhpc.videos.layouts.walk import walk_files, walk_videos


def find_videos(paths: Sequence[Path]) -> list[Path]:
    """Return the videos that are named or lie below a folder named, each once.

    Where there is none below it, the images are taken: a folder of numbered frames is
    a video, and any other image is a video of its own. A path that does not exist, and
    a folder without either, is kept, for its verdict to say so.

    Raises
    ------
    DataLayoutError
        When a folder cannot be listed.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for video in _below(path) or [path]:
            found.setdefault(os.path.abspath(video), video)
    return list(found.values())


def _below(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    videos = [video for _, video in walk_videos(path)]
    return videos or list(_image_videos(path))


def _image_videos(root: Path) -> Iterator[Path]:
    folders: dict[Path, list[Path]] = defaultdict(list)
    for _, image in walk_files(root, IMAGE_SUFFIXES):
        folders[image.parent].append(image)
    for folder, images in folders.items():
        if are_frames([image.name for image in images]):
            yield folder
        else:
            yield from images


def are_frames(names: Sequence[str]) -> bool:
    """Whether images look like the frames of one video: only their numbers differ.

    >>> are_frames(["f_1.png", "f_2.png"]), are_frames(["a.png", "b.png"])
    (True, False)
    >>> are_frames(["000_frame1.png", "001_frame1.png"])
    False
    """
    stems = {re.sub(r"\d+", "#", Path(name).stem) for name in names}
    is_numbered = len(names) > 1 and len(stems) == 1 and "#" in stems.pop()
    return is_numbered and len({video_of(name) for name in names}) == 1
