"""After the last partition: the small arrays of the store, written in one go."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import IncompleteStageError, RunDirectoryError
from dfhpc.runs import RunDirectory, read_record, sync_if_there
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import ROW_ARRAYS, file_size, shard_path
from dfhpc.videos.manifest import Video

if TYPE_CHECKING:
    import zarr


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
    group: "zarr.Group",
    layout: StoreLayout,
    videos: list[Video],
    records: Iterator[dict[str, Any]],
) -> None:
    """Fill every array but ``faces`` from the records of the videos.

    Writes the same bytes whenever it is repeated.
    """
    arrays = _empty_arrays(layout)
    for position, (video, record) in enumerate(zip(videos, records, strict=True)):
        first = position * layout.slots_per_video
        for row, frame, face in iter_slots(record["frames"], layout.frames_per_video):
            _fill(arrays, first + row, (position, video.label), frame, face)
    for name, values in arrays.items():
        group[name][...] = values  # type: ignore[index]
        for path in (run.store_path / name / "c").rglob("*"):
            if path.is_file():
                sync_if_there(path)


def iter_slots(
    frames: list[dict[str, Any]], frames_per_video: int
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any] | None]]:
    """Yield each slot of a video that a frame belongs to: the frame, and its face.

    ``frames`` are the records of the video's frames. Every slot group that holds a
    face has all frames; where there is none, the first has.
    """
    faces: dict[tuple[int, int], dict[str, Any]] = {}
    for number, frame in enumerate(frames):
        seen = [frame, *frame["others"]] if frame["status"] == "ok" else []
        faces |= {
            (face["slot_group"], number): face
            for face in seen
            if face["slot_group"] is not None
        }
    for group in range(1 + max((group for group, _ in faces), default=0)):
        for number, frame in enumerate(frames):
            slot = group * frames_per_video + number
            yield slot, frame, faces.get((group, number))


def _empty_arrays(layout: StoreLayout) -> dict[str, NDArray[Any]]:
    return {
        name: np.full((layout.num_rows, *array.shape), array.fill, array.dtype)
        for name, array in ROW_ARRAYS.items()
    }


def _fill(
    arrays: dict[str, NDArray[Any]],
    row: int,
    video: tuple[int, int],
    frame: dict[str, Any],
    face: dict[str, Any] | None,
) -> None:
    """Fill a row; ``video`` is a position in the manifest, and a label."""
    arrays["video"][row], arrays["label"][row] = video
    arrays["frame_index"][row] = frame["frame_index"]
    arrays["time_s"][row] = frame["time_s"]
    if face is None:
        return
    arrays["valid"][row] = True
    for name in ("confidence", "box", "track"):
        arrays[name][row] = face[name]
    if face["landmarks"] is not None:
        arrays["landmarks"][row] = face["landmarks"]
    for name, value in face.get("quality", {}).items():
        arrays[name][row] = value
