"""Reading rows of the store, a partition at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from dfhpc.errors import StoreError
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import modest_zarr, open_store, store_layout

Rows = NDArray[np.int64]
Pixels = NDArray[np.uint8]
"""(rows, 307200)"""


class RowReader:
    """Rows of a finished store."""

    def __init__(self, store_path: Path) -> None:
        """Open the store at ``store_path``."""
        self._group = open_store(store_path)
        self.layout: StoreLayout = store_layout(self._group)

    def array(self, name: str) -> NDArray[np.generic]:
        """Return one of the small arrays, whole."""
        found = self._group[name]
        if not isinstance(found, zarr.Array):
            raise StoreError(f"{self._group.store_path} has no array {name}.")
        return np.asarray(found[...])

    def attribute(self, name: str) -> Any:
        """Return one of the attributes that the store was made with."""
        return self._group.attrs[name]

    def partitions_of(self, rows: Rows) -> NDArray[np.int64]:
        """Return the partitions that hold ``rows``, each once, ascending."""
        return np.unique(rows // self.layout.rows_per_partition)

    def read_partition(self, index: int, rows: Rows) -> tuple[Rows, Pixels]:
        """Return those of ``rows`` that partition ``index`` holds, and their pixels."""
        start = index * self.layout.rows_per_partition
        stop = min(start + self.layout.rows_per_partition, self.layout.num_rows)
        inside = rows[(rows >= start) & (rows < stop)]
        with modest_zarr():
            block = np.asarray(self._group["faces"][start:stop])  # type: ignore[index]
        if np.array_equal(inside, np.arange(start, stop)):
            return inside, block
        return inside, block[inside - start]

    def iter_partitions(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Yield ``rows`` and their pixels, a partition at a time, in order."""
        for index in self.partitions_of(rows):
            yield self.read_partition(int(index), rows)
