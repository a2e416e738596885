"""After the last partition: the small arrays of the store, written in one go."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from dfhpc.errors import IncompleteStageError, RunDirectoryError
from dfhpc.runs import RunDirectory, read_record, sync_if_there
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import ROW_ARRAYS, file_size, shard_path
from dfhpc.videos.manifest import Video


def missing_partitions(run: RunDirectory, num_partitions: int) -> list[int]:
    """Return the partitions that have no done-mark."""
    done = (
        {path.name for path in run.partitions_dir.iterdir()}
        if run.partitions_dir.is_dir()
        else set()
    )
    return [
        index
        for index in range(num_partitions)
        if run.partition_path(index).name not in done
    ]


def unsound_partitions(run: RunDirectory, num_partitions: int) -> list[int]:
    """Return the partitions without a mark, or whose mark or shard is damaged.

    A crash of the machine, or somebody's cleaning, may take a shard and leave its
    mark; the size that the mark notes tells.
    """
    missing = set(missing_partitions(run, num_partitions))
    return [
        index
        for index in range(num_partitions)
        if index in missing or not _is_sound(run, index)
    ]


def discard(run: RunDirectory, index: int) -> None:
    """Remove what is left of an unsound partition: Zarr would read it on writing."""
    run.partition_path(index).unlink(missing_ok=True)
    shard_path(run.store_path, index).unlink(missing_ok=True)


def _is_sound(run: RunDirectory, index: int) -> bool:
    try:
        mark = read_record(run.partition_path(index), "shard_bytes", "videos")
    except RunDirectoryError:
        return False
    size: int = mark["shard_bytes"]
    return size == file_size(shard_path(run.store_path, index))


def iter_video_records(
    run: RunDirectory, num_partitions: int
) -> Iterator[dict[str, Any]]:
    """Yield the record of each video of the finished partitions, in manifest order.

    Raises
    ------
    IncompleteStageError
        When a partition has no done-mark.
    """
    missing = missing_partitions(run, num_partitions)
    if missing:
        raise IncompleteStageError(
            f"{len(missing)} of {num_partitions} partitions are not extracted yet, "
            f"the first is {missing[0]}; run `dfhpc extract {run.path}`."
        )
    for index in range(num_partitions):
        yield from read_record(run.partition_path(index), "videos")["videos"]


def write_row_arrays(
    run: RunDirectory,
    group: zarr.Group,
    layout: StoreLayout,
    videos: list[Video],
    records: Iterator[dict[str, Any]],
) -> None:
    """Fill every array but ``faces`` from the records of the videos.

    Writes the same bytes whenever it is repeated.
    """
    arrays = _empty_arrays(layout)
    for position, (video, record) in enumerate(zip(videos, records, strict=True)):
        first = position * layout.frames_per_video
        for row, frame in enumerate(record["frames"], start=first):
            _fill(arrays, row, position, video.label, frame)
    for name, values in arrays.items():
        group[name][...] = values  # type: ignore[index]
        for path in (run.store_path / name / "c").rglob("*"):
            if path.is_file():
                sync_if_there(path)


def _empty_arrays(layout: StoreLayout) -> dict[str, NDArray[Any]]:
    return {
        name: np.full((layout.num_rows, *array.shape), array.fill, array.dtype)
        for name, array in ROW_ARRAYS.items()
    }


def _fill(
    arrays: dict[str, NDArray[Any]],
    row: int,
    position: int,
    label: int,
    frame: dict[str, Any],
) -> None:
    arrays["label"][row] = label
    arrays["video"][row] = position
    arrays["frame_index"][row] = frame["frame_index"]
    arrays["time_s"][row] = frame["time_s"]
    if frame["status"] != "ok":
        return
    arrays["valid"][row] = True
    arrays["confidence"][row] = frame["confidence"]
    arrays["box"][row] = frame["box"]
    if frame["landmarks"] is not None:
        arrays["landmarks"][row] = frame["landmarks"]
