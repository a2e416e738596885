"""An own table: a CSV file with at least the column ``path``.

Further columns: ``label`` (real or 0, fake or 1, empty for unknown), ``group_id``
(or ``group``), ``video_id``, ``method``, ``split``. Paths are relative to the table.
A manifest written by ``dfhpc scan`` is such a table.
"""

import os
from pathlib import Path

from dfhpc.config import DataConfig
from dfhpc.errors import DataLayoutError
from dfhpc.videos.layouts.walk import file_bytes
from dfhpc.videos.manifest import LABEL_VALUES, Video, read_table


def read(path: Path, data: DataConfig) -> list[Video]:
    """Return the videos of the table at ``path``.

    Raises
    ------
    DataLayoutError
        When the column ``path`` is missing or empty, or a label is unknown.
    """
    del data
    folder = path.absolute().parent
    rows = [
        {key.lower(): value for key, value in row.items()} for row in read_table(path)
    ]
    if any("\udc80" <= letter <= "\udcff" for letter in "".join(rows[0])):
        raise DataLayoutError(f"{path} is not in UTF-8; save it in that encoding.")
    if "path" not in rows[0]:
        raise DataLayoutError(
            f"{path} has no column `path`; it has {', '.join(rows[0]) or 'none'}."
        )
    return [
        _video(row, folder, f"{path}, line {line}")
        for line, row in enumerate(rows, start=2)
    ]


def _video(row: dict[str, str], folder: Path, place: str) -> Video:
    name = _existing(folder, row["path"])
    if not name:
        raise DataLayoutError(f"{place}: the path is empty.")
    label = row.get("label", "").strip().lower()
    if label not in LABEL_VALUES:
        raise DataLayoutError(
            f"{place}: label {label!r} is none of real, fake, 0, 1 or empty."
        )
    file = Path(os.path.normpath(folder / name))
    video_id = row.get("video_id") or Path(name).as_posix()
    return Video(
        video_id=video_id,
        path=str(file),
        label=LABEL_VALUES[label],
        group_id=row.get("group_id") or row.get("group") or video_id,
        method=row.get("method", ""),
        split=row.get("split", ""),
        bytes=file_bytes(file),
        images=row.get("images", ""),
    )


def _existing(folder: Path, name: str) -> str:
    """Return ``name`` as it stands where there is such a file, else without blanks.

    Blanks after a comma are common, and so, alas, are names that begin with one.
    """
    return name if (folder / name).is_file() else name.strip()
