"""Plain folders: videos below ``real`` and ``fake``, at any depth.

A video below neither has no label and serves for prediction only. Nothing tells
who is in a video, so each is a group of its own.
"""

from pathlib import Path, PurePosixPath

from dfhpc.config import DataConfig
from dfhpc.constants import LABEL_FAKE, LABEL_REAL, LABEL_UNKNOWN
from dfhpc.videos.layouts.walk import file_bytes, walk_videos
from dfhpc.videos.manifest import Video

_LABELS = {"real": LABEL_REAL, "fake": LABEL_FAKE}


def read(root: Path, data: DataConfig) -> list[Video]:
    """Return the videos below ``root``, labelled by their nearest folder that tells."""
    del data
    return [
        Video(
            video_id=video_id,
            path=str(path.absolute()),
            label=label_of(video_id),
            group_id=video_id,
            bytes=file_bytes(path),
        )
        for video_id, path in walk_videos(root)
    ]


def label_of(video_id: str) -> int:
    """Return the label that the folders of ``video_id`` give.

    >>> label_of("part1/Fake/a.mp4"), label_of("a.mp4")
    (1, -1)
    """
    for folder in PurePosixPath(video_id).parent.parts[::-1]:
        if is_label(folder):
            return _LABELS[folder.lower()]
    return LABEL_UNKNOWN


def is_label(folder: str) -> bool:
    """Whether a folder is called real or fake."""
    return folder.lower() in _LABELS
