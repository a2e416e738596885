"""The arrays of the store: declared once, made, opened and checked here."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfhpc.constants import (
    FACE_CHANNELS,
    FACE_SIDE,
    FORMAT_VERSION,
    LABEL_UNKNOWN,
    ROW_LENGTH,
)
from dfhpc.errors import StoreError
from dfhpc.store.partitions import StoreLayout

if TYPE_CHECKING:
    # It takes a good part of a second to import, and a verdict does without it.
    import zarr

CHUNK_COLUMNS = 19_200
"""Columns of a chunk, 20 picture lines: what a reader of some columns must fetch."""


@dataclass(frozen=True)
class RowArray:
    """An array with one entry a row, written once, when all rows are known."""

    dtype: str
    fill: Any
    shape: tuple[int, ...] = ()
    """Shape of one row's entry."""


ROW_ARRAYS = {
    "valid": RowArray("bool", False),
    "label": RowArray("int8", LABEL_UNKNOWN),
    "video": RowArray("int32", -1),
    "frame_index": RowArray("int32", -1),
    "time_s": RowArray("float64", np.nan),
    "confidence": RowArray("float32", np.nan),
    "box": RowArray("int32", -1, (4,)),
    "landmarks": RowArray("float32", np.nan, (5, 2)),
    "track": RowArray("int32", -1),
    "size_px": RowArray("int32", -1),
    "blur": RowArray("float32", np.nan),
    "brightness": RowArray("float32", np.nan),
}


def create_store(
    path: Path, layout: StoreLayout, attributes: dict[str, Any]
) -> "zarr.Group":
    """Allocate an empty store, whole, so that no worker ever resizes it.

    A store that is there already is opened if it has the same shape and
    ``attributes``; the remains of an interrupted call are replaced.

    Raises
    ------
    StoreError
        When another store is there.
    """
    import zarr

    wanted = _attributes(layout, attributes)
    if (path / "zarr.json").is_file():
        return _checked(path, wanted)
    tmp = path.with_name(f".{path.name}.partial")
    shutil.rmtree(tmp, ignore_errors=True)
    group = zarr.open_group(tmp, mode="w", attributes=wanted)
    _create_arrays(group, layout)
    shutil.rmtree(path, ignore_errors=True)
    tmp.rename(path)
    return zarr.open_group(path, mode="r+")


def _attributes(layout: StoreLayout, attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "height": FACE_SIDE,
        "width": FACE_SIDE,
        "channels": FACE_CHANNELS,
        "num_videos": layout.num_videos,
        "frames_per_video": layout.frames_per_video,
        "videos_per_partition": layout.videos_per_partition,
        "people_per_video": layout.people_per_video,
        **attributes,
    }


def _create_arrays(group: "zarr.Group", layout: StoreLayout) -> None:
    from zarr.codecs import BloscCodec

    rows = layout.rows_per_partition
    group.create_array(
        "faces",
        shape=(layout.num_rows, ROW_LENGTH),
        dtype="uint8",
        chunks=(rows, CHUNK_COLUMNS),
        shards=(rows, ROW_LENGTH),
        compressors=BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle"),
        fill_value=0,
    )
    for name, array in ROW_ARRAYS.items():
        group.create_array(
            name,
            shape=(layout.num_rows, *array.shape),
            dtype=array.dtype,
            chunks=(layout.num_rows, *array.shape),
            fill_value=array.fill,
        )


def _checked(path: Path, wanted: dict[str, Any]) -> "zarr.Group":
    import zarr

    group = zarr.open_group(path, mode="r+")
    found = dict(group.attrs)
    differing = sorted(
        key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)
    )
    if differing:
        raise StoreError(
            f"{path} was made for another manifest, other settings or other library "
            f"versions (it differs in {', '.join(differing)}). Use a new run directory."
        )
    return group


def open_store(path: Path) -> "zarr.Group":
    """Open a store for reading.

    Raises
    ------
    StoreError
        When there is none, or it is damaged.
    """
    import zarr

    try:
        return zarr.open_group(path, mode="r")
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise StoreError(f"{path} holds no store that can be read: {error}.") from error


def store_layout(group: "zarr.Group") -> StoreLayout:
    """Return the layout that a store was allocated with."""
    names = (
        "num_videos",
        "frames_per_video",
        "videos_per_partition",
        "people_per_video",
    )
    return StoreLayout(*(int(group.attrs[name]) for name in names))  # type: ignore[arg-type]


def shard_path(store_path: Path, partition: int) -> Path:
    """Return the file of a partition's faces; there is none where all are empty."""
    return store_path / "faces" / "c" / str(partition) / "0"


def file_size(path: Path) -> int:
    """Return the size of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


@contextlib.contextmanager
def modest_zarr() -> Iterator[None]:
    """Keep Zarr to few threads and requests: many workers share the machine."""
    import zarr

    with zarr.config.set({"async.concurrency": 2, "threading.max_workers": 2}):
        yield
