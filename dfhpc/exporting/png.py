"""A folder of PNGs, ``real/VIDEO_FRAME.png``, with a table of what each is."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE, LABEL_NAMES
from dfhpc.exporting.table import Blocks, RowTable

TABLE_NAME = "rows.csv"
MAX_NAME_BYTES = 180
"""File systems take names of 255 bytes."""

COLUMNS = (
    *("file", "video_id", "label", "part", "row"),
    *("frame_index", "time_s", "confidence"),
)


def write_png(folder: Path, table: RowTable, blocks: Blocks) -> None:
    """Write each row as a PNG into ``folder``, which is there, and a table of all."""
    from PIL import Image

    names = file_names(table.video_ids)
    for label in sorted(set(table.label.tolist())):
        (folder / LABEL_NAMES[label]).mkdir()
    with (folder / TABLE_NAME).open(
        "w", encoding="utf-8", errors="surrogateescape", newline=""
    ) as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(COLUMNS)
        for rows, pixels in blocks():
            for at, face in enumerate(pixels, start=rows.start):
                path = _free_path(folder, table, names, at)
                picture = face.reshape(FACE_SIDE, FACE_SIDE, FACE_CHANNELS)
                Image.fromarray(picture).save(path, compress_level=1)
                writer.writerow(_facts(table, at, path.relative_to(folder)))


def _free_path(folder: Path, table: RowTable, names: list[str], at: int) -> Path:
    """Return the path of a row; several faces of one frame get numbers."""
    stem = f"{names[table.video[at]]}_{table.frame_index[at]:06d}"
    place = folder / LABEL_NAMES[int(table.label[at])]
    path, count = place / f"{stem}.png", 1
    while path.exists():
        count += 1
        path = place / f"{stem}_face{count}.png"
    return path


def _facts(table: RowTable, at: int, path: Path) -> tuple[object, ...]:
    return (
        path.as_posix(),
        table.video_ids[table.video[at]],
        LABEL_NAMES[int(table.label[at])],
        str(table.part[at]),
        int(table.row[at]),
        int(table.frame_index[at]),
        float(table.time_s[at]),
        float(table.confidence[at]),
    )


def file_names(video_ids: Iterable[str]) -> list[str]:
    """Return a name for each video that is safe in any file system, each another.

    >>> file_names(["real/a b.mp4", "c.mp4"])
    ['real__a_b.mp4', 'c.mp4']
    """
    ids = list(video_ids)
    safe = [safe_name(video_id) for video_id in ids]
    # Some file systems do not tell small letters from large ones.
    counts = Counter(name.casefold() for name in safe)
    return [
        name if counts[name.casefold()] == 1 else f"{name}-{_digest(video_id)}"
        for name, video_id in zip(safe, ids, strict=True)
    ]


def safe_name(video_id: str) -> str:
    """Return a name like ``video_id`` of letters, digits, dots, dashes and lines."""
    text = video_id.replace("/", "__")
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in text).lstrip(".-")
    if name and len(name.encode()) <= MAX_NAME_BYTES:
        return name
    short = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return f"{short or 'video'}-{_digest(video_id)}"


def _digest(video_id: str) -> str:
    text = video_id.encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:8]
