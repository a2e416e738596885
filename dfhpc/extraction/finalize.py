"""After the last partition: the small arrays of the store, written in one go."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from dfhpc.errors import IncompleteStageError
from dfhpc.runs import RunDirectory, read_json
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import ROW_ARRAYS
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
        yield from read_json(run.partition_path(index))["videos"]


def write_row_arrays(
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
