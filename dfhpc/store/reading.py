"""Reading rows of the store, a partition at a time."""

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import StoreError
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import (
    file_size,
    modest_zarr,
    open_store,
    shard_path,
    store_layout,
)

Rows = NDArray[np.int64]
Pixels = NDArray[np.uint8]
"""(rows, 307200)"""


class RowReader:
    """Rows of a finished store."""

    def __init__(self, store_path: Path) -> None:
        """Open the store at ``store_path``."""
        self.path = self._path = store_path
        self._group = open_store(store_path)
        self.layout: StoreLayout = store_layout(self._group)

    def array(self, name: str) -> NDArray[np.generic]:
        """Return one of the small arrays, whole.

        Raises
        ------
        StoreError
            When it is lost or damaged.
        """
        try:
            return np.asarray(self._group[name][...])  # type: ignore[index]
        except (KeyError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"{self._path / name} is lost or damaged ({error}); delete "
                f"{self._path.parent / 'partitions' / 'finished.json'} and run "
                f"`dfhpc extract {self._path.parent}`."
            ) from error

    def attribute(self, name: str) -> Any:
        """Return one of the attributes that the store was made with."""
        return self._group.attrs[name]

    @property
    def identity(self) -> str:
        """A short hash of what the store was made with, and of its shards' sizes."""
        sizes = [
            file_size(shard_path(self._path, index))
            for index in range(self.layout.num_partitions)
        ]
        facts = [dict(self._group.attrs), sizes]
        text = json.dumps(facts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def partitions_of(self, rows: Rows) -> NDArray[np.int64]:
        """Return the partitions that hold ``rows``, each once, ascending."""
        return np.unique(rows // self.layout.rows_per_partition)

    def read_partition(self, index: int, rows: Rows) -> tuple[Rows, Pixels]:
        """Return those of ``rows`` that partition ``index`` holds, and their pixels.

        Raises
        ------
        StoreError
            When the partition's shard is lost or damaged. Zarr reads a lost one as
            zeros, and no model may learn from those.
        """
        start = index * self.layout.rows_per_partition
        stop = min(start + self.layout.rows_per_partition, self.layout.num_rows)
        inside = rows[(rows >= start) & (rows < stop)]
        block = self._read(index, inside, slice(None))
        if np.array_equal(inside, np.arange(start, stop)):
            return inside, block
        return inside, block[inside - start]

    def read_columns(self, rows: Rows, columns: slice) -> Pixels:
        """Return some columns of ``rows``, ascending, as (rows, columns).

        Columns are cheap to read where they begin and end with a chunk.
        """
        found = np.empty((len(rows), columns.stop - columns.start), np.uint8)
        size = self.layout.rows_per_partition
        for index in self.partitions_of(rows):
            start = int(index) * size
            first, last = np.searchsorted(rows, [start, start + size])
            inside = rows[first:last]
            found[first:last] = self._read(int(index), inside, columns)[inside - start]
        return found

    def _read(self, index: int, inside: Rows, columns: slice) -> Pixels:
        """Return some columns of a partition, of which the rows ``inside`` matter."""
        start = index * self.layout.rows_per_partition
        stop = min(start + self.layout.rows_per_partition, self.layout.num_rows)
        if self._valid[inside].any() and not shard_path(self._path, index).exists():
            raise self._damaged(index, "it is gone")
        try:
            with modest_zarr():
                return np.asarray(self._faces[start:stop, columns])
        except (ValueError, RuntimeError, OSError) as error:
            raise self._damaged(index, str(error)) from error

    @functools.cached_property
    def _faces(self) -> Any:
        return self._group["faces"]

    @functools.cached_property
    def _valid(self) -> NDArray[np.bool_]:
        return np.asarray(self.array("valid"), bool)

    def _damaged(self, index: int, why: str) -> StoreError:
        marks = self._path.parent / "partitions"
        return StoreError(
            f"The faces of partition {index} in {self._path} cannot be read: {why}. "
            f"Delete {marks / f'{index:06d}.json'} and {marks / 'finished.json'}, then "
            f"run `dfhpc extract {self._path.parent}`."
        )

    def iter_partitions(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Yield ``rows`` and their pixels, a partition at a time, in order."""
        for index in self.partitions_of(rows):
            yield self.read_partition(int(index), rows)
