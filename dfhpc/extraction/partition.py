"""One partition: its videos in, its shard and its done-mark out. Safe to repeat."""

import functools
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import given_cores
from dfhpc.config import Settings
from dfhpc.constants import ROW_LENGTH
from dfhpc.extraction.outcomes import note_outcome
from dfhpc.extraction.people import Face
from dfhpc.extraction.records import VideoRecord
from dfhpc.extraction.video import extract_video
from dfhpc.recipes import parse_settings
from dfhpc.runs import (
    RunDirectory,
    read_json,
    read_record,
    sync_if_there,
    write_json,
    write_text,
)
from dfhpc.store.schema import file_size, modest_zarr, shard_path, store_layout
from dfhpc.videos.manifest import Video, read_manifest


def run_partition(
    run_dir: Path, index: int, attempt: str, quarantined: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Extract partition ``index``, write its shard, then its mark; return counts.

    One that is marked is done: an attempt may be lost when all of its work is over.

    Which video is being read stands in a file meanwhile, with ``attempt``, so that
    the driver knows what a worker died of. ``quarantined`` videos are not read.
    The bytes written depend on nothing but videos and settings, so that it does no
    harm when two workers do the same partition.
    """
    import zarr

    run = RunDirectory(run_dir)
    if run.partition_path(index).exists():
        return count_statuses(
            read_record(run.partition_path(index), "videos")["videos"]
        )
    settings, videos = _read_run(run)
    group = zarr.open_group(run.store_path, mode="r+")
    layout = store_layout(group)
    partition = layout.partition(index)
    rows = np.zeros(
        (partition.last - partition.first, layout.slots_per_video, ROW_LENGTH),
        np.uint8,
    )
    records = []
    for position, video in enumerate(videos[partition.first : partition.last]):
        if video.video_id in quarantined:
            records.append(quarantine_record(video.video_id, settings))
            continue
        _note_current(run, video, (index, attempt))
        path = Path(video.path)
        record, faces = extract_video(
            video.video_id,
            path,
            settings.extract,
            video.image_names,
            # Without a job there is a worker for each core.
            threads=given_cores() or 1,
        )
        _fill(rows[position], faces)
        records.append(record)
    with modest_zarr():
        group["faces"][layout.rows(partition)] = rows.reshape(-1, ROW_LENGTH)  # type: ignore[index]
    _mark(run, index, records)
    counts = count_statuses([record.to_json() for record in records])
    note_outcome(run, index, counts)
    return counts


def _fill(slots: NDArray[np.uint8], faces: list[Face | None]) -> None:
    """Put the faces of a video into its slots, (slots_per_video, 307200)."""
    for slot, face in enumerate(faces):
        if face is not None:
            slots[slot] = face.reshape(-1)


def _mark(run: RunDirectory, index: int, records: list[VideoRecord]) -> None:
    """Write the done-mark, after the data are on the disk.

    Zarr renames its files into place but does not flush them; the mark must not
    outlive them when the machine goes down. Their size tells later if they did.
    """
    shard = shard_path(run.store_path, index)
    sync_if_there(shard)
    mark = {
        "partition": index,
        "shard_bytes": file_size(shard),
        "videos": [record.to_json() for record in records],
    }
    write_json(run.partition_path(index), mark)
    run.current_path(index).unlink(missing_ok=True)


@functools.lru_cache(maxsize=2)
def _read_run(run: RunDirectory) -> tuple[Settings, list[Video]]:
    """Return settings and manifest, read once a process: they never change."""
    settings = parse_settings(read_json(run.config_path), str(run.config_path))
    return settings, read_manifest(run.manifest_path)


def quarantine_record(video_id: str, settings: Settings) -> VideoRecord:
    """Return the record of a video that is no longer tried."""
    deaths = settings.extract.max_deaths
    detail = f"Reading it killed a worker {deaths} times; it was not tried again."
    return VideoRecord(video_id, "error", "quarantined", detail)


def _note_current(run: RunDirectory, video: Video, unit: tuple[int, str]) -> None:
    index, attempt = unit
    write_text(
        run.current_path(index),
        "\n".join([attempt, socket.gethostname(), str(os.getpid()), video.video_id]),
    )


def read_current(run: RunDirectory, index: int, attempt: str) -> str | None:
    """Return the video that ``attempt`` at a partition was reading, if any."""
    try:
        text = run.current_path(index).read_text("utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    found, _, _, video_id = text.split("\n", 3)
    return video_id if found == attempt else None


def count_statuses(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many videos and frames came to which end, from records in a mark."""
    counts: dict[str, Any] = {"videos": {}, "frames": {}}
    for record in records:
        _add(counts["videos"], record["status"])
        for frame in record["frames"]:
            _add(counts["frames"], frame["status"])
    return counts


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1
