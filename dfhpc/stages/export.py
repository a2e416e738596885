"""Export: rows of a finished store in the formats of other tools, whole or not."""

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import Settings
from dfhpc.constants import LABEL_NAMES, LABEL_UNKNOWN, ROW_LENGTH
from dfhpc.errors import ExportError, IncompleteStageError
from dfhpc.exporting.npz import write_arr_0, write_npz
from dfhpc.exporting.parquet import require_pyarrow, write_parquet
from dfhpc.exporting.png import write_png
from dfhpc.exporting.table import Block, Blocks, RowTable
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, atomic_path, write_json
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.store.reading import RowReader, Rows
from dfhpc.videos.manifest import Video, read_manifest

WRITERS: dict[str, Callable[[Path, RowTable, Blocks], None]] = {
    "png": write_png,
    "npz": write_npz,
    "arr_0": write_arr_0,
    "parquet": write_parquet,
}
FACTS_BYTES = 2000
"""More than all but the pixels of a row takes, in any format."""

NOTE_NAME = "export.json"
"""In a folder that was exported; no other folder is ever replaced."""


@dataclass(frozen=True)
class Choice:
    """Which rows; empty means all."""

    parts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def export_rows(
    run: RunDirectory,
    settings: Settings,
    target: Path,
    *,
    kind: str,
    choice: Choice,
    force: bool,
) -> dict[str, Any]:
    """Write the chosen rows of a run to ``target``; return what was written.

    Raises
    ------
    ExportError
        When ``target`` is there, the disk has no room, or no row is chosen.
    IncompleteStageError
        When extraction is not finished.
    """
    if not run.extracted_path.exists():
        raise IncompleteStageError(
            f"{run.path} is not extracted yet; run `dfhpc extract {run.path}`."
        )
    if kind == "parquet":
        require_pyarrow()
    _refuse_occupied(target, is_folder=kind == "png", force=force)
    reader = RowReader(run.store_path)
    videos = read_manifest(run.manifest_path)
    table, left_out = _choose(run, settings, reader, videos, choice, kind)
    needed = _require_room(target, table)
    blocks = _blocks(reader, table)
    note = {
        "run_dir": str(run.path),
        "format": kind,
        "rows": len(table),
        "labels": _counts(table),
        "parts": list(choice.parts),
        "left_out_without_label": left_out,
    }
    if kind == "png":
        _write_folder(target, lambda folder: write_png(folder, table, blocks), note)
    else:
        with atomic_path(target) as tmp:
            WRITERS[kind](tmp, table, blocks)
    return note | {"to": str(target), "bytes": _size(target), "bytes_planned": needed}


def _choose(
    run: RunDirectory,
    settings: Settings,
    reader: RowReader,
    videos: Sequence[Video],
    choice: Choice,
    kind: str,
) -> tuple[RowTable, int]:
    """Return the chosen rows, and how many are left out for want of a label."""
    labels = np.asarray(reader.array("label"), np.int8)
    part_of = _parts_of_rows(run, settings, reader, videos, choice)
    chosen = np.asarray(reader.array("valid"), bool)
    if choice.parts:
        chosen &= np.isin(part_of, choice.parts)
    if choice.labels:
        known = {name: label for label, name in LABEL_NAMES.items()}
        chosen &= np.isin(labels, [known[name] for name in choice.labels])
    # Work B's format knows two classes.
    unknown = chosen & (labels == LABEL_UNKNOWN) if kind == "arr_0" else chosen & False
    rows = np.flatnonzero(chosen & ~unknown)
    if not len(rows):
        raise ExportError(
            f"{run.path} has no face to export that is as asked for; see "
            f"`dfhpc status {run.path}` for what it has."
        )
    return _table(reader, rows, part_of, videos), int(unknown.sum())


def _parts_of_rows(
    run: RunDirectory,
    settings: Settings,
    reader: RowReader,
    videos: Sequence[Video],
    choice: Choice,
) -> NDArray[np.str_]:
    """Return the part of each row, of the run's own split; empty where in none."""
    parts = np.full(reader.layout.num_rows, "", "<U11")
    if not choice.parts and not run.split_path.exists():
        return parts
    split = load_split(run, settings.variants()[0])
    for part, rows in rows_of_parts(split, videos, reader).items():
        parts[rows] = part
    return parts


def _table(
    reader: RowReader,
    rows: Rows,
    part_of: NDArray[np.str_],
    videos: Sequence[Video],
) -> RowTable:
    def taken(name: str) -> NDArray[Any]:
        return reader.array(name)[rows]

    return RowTable(
        row=rows,
        part=part_of[rows],
        video_ids=[video.video_id for video in videos],
        **{
            name: taken(name)
            for name in ("video", "label", "frame_index", "time_s", "confidence")
        },
        box=taken("box"),
        landmarks=taken("landmarks"),
    )


def _blocks(reader: RowReader, table: RowTable) -> Blocks:
    """Return what reads the pixels of the rows, a partition of the store at a time."""

    def iterate() -> Iterator[Block]:
        first = 0
        with progress("Exporting", len(table), "face") as advance:
            for rows, pixels in reader.iter_partitions(table.row):
                yield slice(first, first + len(rows)), pixels
                first += len(rows)
                advance(len(rows))

    return iterate


def _counts(table: RowTable) -> dict[str, int]:
    labels, counts = np.unique(table.label, return_counts=True)
    return {
        LABEL_NAMES[int(label)]: int(count)
        for label, count in zip(labels, counts, strict=True)
    }


def _refuse_occupied(target: Path, *, is_folder: bool, force: bool) -> None:
    if not target.exists() and not target.is_symlink():
        return
    if target.is_dir() != is_folder:
        wanted = "a folder" if is_folder else "a file"
        found = "a folder" if target.is_dir() else "a file"
        raise ExportError(f"{target} is {found}, and this format writes {wanted}.")
    if not force:
        raise ExportError(
            f"{target} is there already; name another place, or say --force to "
            "replace it."
        )
    if is_folder and any(target.iterdir()) and not (target / NOTE_NAME).is_file():
        raise ExportError(
            f"{target} was not exported by dfhpc (it has no {NOTE_NAME}), and is not "
            "replaced; name another place."
        )


def _require_room(target: Path, table: RowTable) -> int:
    """Return the bytes that the export takes at most; refuse where they are not free.

    Raises
    ------
    ExportError
        Saying how much is needed, and how much is free.
    """
    needed = len(table) * (ROW_LENGTH + FACTS_BYTES)
    place = target.absolute().parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise ExportError(
            f"The export of {len(table)} faces needs up to {needed / 1e9:.1f} GB, and "
            f"{place} has {free / 1e9:.1f} GB free; choose fewer by --part or --label, "
            "or another disk."
        )
    return needed


def _write_folder(
    target: Path, write: Callable[[Path], None], note: dict[str, Any]
) -> None:
    """Write a folder beside ``target``, then put it in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex
    tmp = target.with_name(f".{target.name}.{mark}.partial")
    old = target.with_name(f".{target.name}.{mark}.old")
    tmp.mkdir()
    try:
        write(tmp)
        write_json(tmp / NOTE_NAME, note)
        with contextlib.suppress(FileNotFoundError):
            target.rename(old)
        tmp.rename(target)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _size(target: Path) -> int:
    if target.is_dir():
        return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    return target.stat().st_size
