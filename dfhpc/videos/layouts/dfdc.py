"""Deepfake Detection Challenge (Dolhansky et al. 2020).

Folders of videos, each with a ``metadata.json`` that maps a file name to its
label, split and, for a fake, the original it was made from.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dfhpc.config import DataConfig
from dfhpc.constants import LABEL_FAKE, LABEL_REAL, LABEL_UNKNOWN
from dfhpc.errors import DataLayoutError
from dfhpc.videos.groups import component_ids
from dfhpc.videos.layouts.walk import file_bytes, walk_videos
from dfhpc.videos.manifest import Video

METADATA_NAME = "metadata.json"
_LABELS = {"REAL": LABEL_REAL, "FAKE": LABEL_FAKE}


def matches(root: Path) -> bool:
    """Whether ``root`` or a folder in it has a ``metadata.json``."""
    return any(root.glob(METADATA_NAME)) or any(root.glob(f"*/{METADATA_NAME}"))


def read(root: Path, data: DataConfig) -> list[Video]:
    """Return the videos below ``root``; a fake shares the group of its original.

    A video that no ``metadata.json`` names has no label. An original that is
    absent from the disk still joins its fakes.

    Raises
    ------
    DataLayoutError
        When a ``metadata.json`` is damaged or holds an unknown label.
    """
    del data
    found = list(walk_videos(root))
    entries = {
        folder: _metadata(folder) for folder in {path.parent for _, path in found}
    }
    groups = component_ids([], _edges(entries.values()))
    return [
        _video(video_id, path, entries[path.parent].get(path.name, {}), groups)
        for video_id, path in found
    ]


def _edges(
    tables: Iterable[dict[str, dict[str, Any]]],
) -> list[tuple[str, str]]:
    return [
        (name, entry.get("original") or name)
        for table in tables
        for name, entry in table.items()
    ]


def _video(
    video_id: str, path: Path, entry: dict[str, Any], groups: dict[str, str]
) -> Video:
    label = entry.get("label")
    if label is not None and label not in _LABELS:
        raise DataLayoutError(
            f"{path.parent / METADATA_NAME}: label {label!r} of {path.name} "
            "is neither REAL nor FAKE."
        )
    return Video(
        video_id=video_id,
        path=str(path.absolute()),
        label=LABEL_UNKNOWN if label is None else _LABELS[label],
        group_id=f"dfdc-{groups.get(path.name, video_id)}",
        method={"REAL": "original", "FAKE": "dfdc"}.get(label or "", ""),
        split=str(entry.get("split") or ""),
        bytes=file_bytes(path),
    )


def _metadata(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / METADATA_NAME
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataLayoutError(f"{path} is damaged: {error}.") from error
    if not isinstance(table, dict) or not all(map(_is_entry, table.values())):
        raise DataLayoutError(f"{path} does not map file names to their facts.")
    return table


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), str | None) for key in ("label", "split", "original")
    )
