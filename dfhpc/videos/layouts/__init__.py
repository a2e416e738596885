"""Readers of data-set layouts: a folder in, videos with label and group out."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dfhpc.config import DataConfig
from dfhpc.errors import DataLayoutError
from dfhpc.videos.layouts import celebdf, dfdc, ffpp, folders, images, table
from dfhpc.videos.manifest import Video, in_seeded_order

READERS: dict[str, Callable[[Path, DataConfig], list[Video]]] = {
    "ffpp": ffpp.read,
    "dfdc": dfdc.read,
    "celebdf": celebdf.read,
    "folders": folders.read,
    "csv": table.read,
    "images": images.read,
}


def read_videos(data: DataConfig) -> tuple[str, list[Video]]:
    """Return the layout's name and all videos of ``data``, in seeded order.

    Raises
    ------
    DataLayoutError
        When the folder is absent, holds no video, or is not laid out as said.
    """
    if data.path is None:
        raise DataLayoutError("No data are named; give --data DIR.")
    if not data.path.exists():
        raise DataLayoutError(f"Data folder {data.path} does not exist.")
    name = detect_layout(data.path) if data.layout == "auto" else data.layout
    if data.path.is_dir() == (name == "csv"):
        wanted = "a CSV file" if name == "csv" else "a folder"
        raise DataLayoutError(f"{data.path}: layout {name} reads {wanted}.")
    videos = READERS[name](data.path, data)
    if not videos:
        wanted = f" and data.compression {data.compression}" if data.compression else ""
        if name == "images":
            raise DataLayoutError(f"{data.path} holds no JPEG, PNG, BMP or WebP image.")
        raise DataLayoutError(
            f"{data.path} holds no video of layout {name}{wanted}; "
            "see `dfhpc scan --help`, or `dfhpc import-images --help` for images."
        )
    _refuse_same_file(videos)
    ordered = in_seeded_order(videos, data.order_seed)
    return name, _at_most(ordered, data.max_videos) if data.max_videos else ordered


def _at_most(videos: list[Video], most: int) -> list[Video]:
    """Return the videos of the first groups, as many as fit."""
    sizes = Counter(video.group_id for video in videos)
    kept: set[str] = set()
    left = most
    for group in dict.fromkeys(video.group_id for video in videos):
        if sizes[group] <= left:
            kept.add(group)
            left -= sizes[group]
    if not kept:
        raise DataLayoutError(
            f"data.max_videos {most} is less than the smallest group of videos, of "
            f"{min(sizes.values())}; groups are taken whole."
        )
    return [video for video in videos if video.group_id in kept]


def _refuse_same_file(videos: list[Video]) -> None:
    """Refuse a file under two ids: it could train and test."""
    first_id: dict[tuple[str, str], str] = {}
    for video in videos:
        other = first_id.setdefault((video.path, video.images), video.video_id)
        if other != video.video_id:
            raise DataLayoutError(
                f"{video.path} is named twice, as {other} and as {video.video_id}; "
                "name each file once."
            )


def detect_layout(path: Path) -> str:
    """Return the name of the layout that ``path`` has, ``folders`` if no other."""
    if path.is_file():
        return "csv"
    for name, module in (("ffpp", ffpp), ("celebdf", celebdf), ("dfdc", dfdc)):
        if module.matches(path):
            return name
    return "folders"
