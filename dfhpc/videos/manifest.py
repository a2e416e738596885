"""The manifest: the table of videos, in the order that rows follow."""

import csv
import hashlib
import io
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from dfhpc.constants import LABEL_FAKE, LABEL_NAMES, LABEL_REAL, LABEL_UNKNOWN
from dfhpc.errors import DataLayoutError
from dfhpc.runs import write_text

LABEL_VALUES = {
    "real": LABEL_REAL,
    "0": LABEL_REAL,
    "fake": LABEL_FAKE,
    "1": LABEL_FAKE,
    "unknown": LABEL_UNKNOWN,
    "-1": LABEL_UNKNOWN,
    "": LABEL_UNKNOWN,
}
"""Spellings of a label in a table, in lower case."""


@dataclass(frozen=True)
class Video:
    """One line of the manifest."""

    video_id: str
    """Unique over the data: the path below the data folder, with slashes."""
    path: str
    """Absolute path of the file, or of a folder of images."""
    label: int
    """0 real, 1 fake, -1 unknown."""
    group_id: str
    """Identity component: a fake and every clip of its people share one."""
    method: str = ""
    """How it was made (Deepfakes, ...) or where it is from (youtube, ...)."""
    split: str = ""
    """What the data set says: train, val, test, or nothing."""
    bytes: int = 0
    images: str = ""
    """Names of its images in the folder ``path``, a slash between; empty for all."""

    @property
    def image_names(self) -> tuple[str, ...]:
        """The names in ``images``."""
        return tuple(self.images.split("/")) if self.images else ()

    @property
    def label_name(self) -> str:
        """The label as a word."""
        return LABEL_NAMES[self.label]


COLUMNS = tuple(field.name for field in fields(Video))


def in_seeded_order(videos: Sequence[Video], seed: int) -> list[Video]:
    """Return ``videos`` shuffled by ``seed``, whatever order they came in.

    The order is that of a hash of seed and ``video_id``: the same on every file
    system, machine and Python, and a video added later moves no other.

    Raises
    ------
    DataLayoutError
        When two videos share a ``video_id``.
    """
    counts = Counter(video.video_id for video in videos)
    twice = sorted(video_id for video_id, count in counts.items() if count > 1)
    if twice:
        raise DataLayoutError(
            f"{len(twice)} video ids occur more than once, the first is {twice[0]}; "
            "give each video an id of its own."
        )
    return sorted(videos, key=lambda video: (_digest(seed, video), video.video_id))


def _digest(seed: int, video: Video) -> bytes:
    text = f"{seed}:{video.video_id}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def manifest_hash(videos: Sequence[Video]) -> str:
    """Return a SHA-256 over everything of the manifest but where the files lie."""
    digest = hashlib.sha256()
    for video in videos:
        record = [str(getattr(video, name)) for name in COLUMNS[:-1] if name != "path"]
        # The last column is younger than the first runs.
        record += [video.images] if video.images else []
        digest.update("\0".join(record).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def write_manifest(path: Path, videos: Sequence[Video]) -> None:
    """Write ``videos`` as CSV, whole or not at all."""
    text = io.StringIO(newline="")
    # Python 3.11 does not quote a carriage return, which then ends a line.
    odd = any("\r" in video.video_id + video.path + video.images for video in videos)
    writer = csv.writer(
        text,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL,
    )
    writer.writerow(COLUMNS)
    values = operator.attrgetter(
        *("label_name" if name == "label" else name for name in COLUMNS)
    )
    writer.writerows(map(values, videos))
    write_text(path, text.getvalue())


def read_manifest(path: Path) -> list[Video]:
    """Return the videos of a manifest that dfhpc wrote, in its order.

    Raises
    ------
    DataLayoutError
        When a column is missing or a value is wrong.
    """
    rows = read_table(path)
    try:
        return [
            Video(
                video_id=row["video_id"],
                path=row["path"],
                label=LABEL_VALUES[row["label"]],
                group_id=row["group_id"],
                method=row["method"],
                split=row["split"],
                bytes=int(row["bytes"]),
                images=row.get("images", ""),
            )
            for row in rows
        ]
    except (KeyError, ValueError) as error:
        raise DataLayoutError(f"{path} is not a manifest of dfhpc: {error}.") from error


def count_videos(path: Path) -> int:
    """Return how many videos a manifest that dfhpc wrote has, without parsing it.

    Raises
    ------
    DataLayoutError
        When it is absent or does not begin as a manifest.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataLayoutError(f"Table {path} cannot be read: {error}.") from error
    if not content.lstrip(b'"').startswith(b"video_id"):
        raise DataLayoutError(f"{path} is not a manifest of dfhpc: no video_id.")
    if b'"' in content:
        # A name in quotes may hold a line break.
        return len(read_table(path))
    return content.count(b"\n") - 1


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header line.

    Raises
    ------
    DataLayoutError
        When the file is absent, empty or no text.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as f:
            reader = csv.reader(f)
            header = next(reader, [])
            rows = [row for row in reader if row]
    except (OSError, csv.Error) as error:
        raise DataLayoutError(f"Table {path} cannot be read: {error}.") from error
    if not rows:
        raise DataLayoutError(f"Table {path} holds no video.")
    # Cells beyond the header are dropped, and those that lack are empty.
    columns = [(name.strip(), at) for at, name in enumerate(header) if name]
    return [
        {name: row[at] if at < len(row) else "" for name, at in columns} for row in rows
    ]
