"""Reading a finished Gram matrix: blocks of it, for rows of the store."""

from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray

from dfhpc.errors import StoreError
from dfhpc.models.files import load_arrays
from dfhpc.models.gram_plan import ROWS_NAME, TILE_ROWS
from dfhpc.models.gram_sum import MATRIX_NAME, OFFSETS_NAME, WEIGHTING_NAME
from dfhpc.models.weighting import Weighting
from dfhpc.store.reading import Rows
from dfhpc.store.schema import modest_zarr

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


class Gram:
    """Inner products of rows, centered and weighted as its weighting says."""

    def __init__(self, folder: Path) -> None:
        """Open the matrix that ``ensure_gram`` returned."""
        self._folder = folder
        try:
            self._rows: Rows = load_arrays(folder / ROWS_NAME)["rows"]
            self._group = zarr.open_group(folder, mode="r")
        except (OSError, ValueError, KeyError) as error:
            raise self._damaged(str(error)) from error

    @property
    def weighting(self) -> Weighting:
        """Center and weight of each column."""
        try:
            return Weighting(**load_arrays(self._folder / WEIGHTING_NAME))
        except (OSError, ValueError, TypeError) as error:
            raise self._damaged(str(error)) from error

    def sums(self, rows: Rows) -> Floats:
        """Return, with raw pixels, the sum of each row less 128 a column."""
        try:
            offsets = np.asarray(self._group[OFFSETS_NAME][...])  # type: ignore[index]
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            raise self._damaged(str(error)) from error
        if np.isnan(offsets).any():
            raise self._damaged(f"{OFFSETS_NAME} are gone")
        return offsets[self._positions(rows)]

    def block(self, left: Rows, right: Rows) -> Floats:
        """Return the products of ``left`` with ``right``, ascending: (left, right).

        Raises
        ------
        StoreError
            When the matrix does not hold a row, or is damaged.
        """
        lefts, rights = self._positions(left), self._positions(right)
        found = np.empty((len(lefts), len(rights)))
        for i in np.unique(lefts // TILE_ROWS):
            for j in np.unique(rights // TILE_ROWS):
                first, second = _inside(lefts, i), _inside(rights, j)
                tile = self._tile(int(i), int(j))
                rows = lefts[first] - i * TILE_ROWS
                columns = rights[second] - j * TILE_ROWS
                found[first, second] = tile[rows[:, None], columns]
        return found

    def square(self, rows: Rows) -> Floats:
        """Return the products of ``rows``, ascending, with each other."""
        at = self._positions(rows)
        found = np.empty((len(at), len(at)))
        tiles = np.unique(at // TILE_ROWS)
        for j in tiles:
            for i in tiles[tiles <= j]:
                first, second = _inside(at, i), _inside(at, j)
                tile = self._tile(int(i), int(j))
                picked = tile[
                    (at[first] - i * TILE_ROWS)[:, None], at[second] - j * TILE_ROWS
                ]
                found[first, second] = picked
                found[second, first] = picked.T
        return found

    def diagonal(self, rows: Rows) -> Floats:
        """Return the product of each row with itself."""
        at = self._positions(rows)
        found = np.empty(len(at))
        for i in np.unique(at // TILE_ROWS):
            inside = _inside(at, i)
            found[inside] = self._tile(int(i), int(i)).diagonal()[
                at[inside] - i * TILE_ROWS
            ]
        return found

    def _tile(self, i: int, j: int) -> Floats:
        """Return one tile; only those on and above the diagonal are stored."""
        if i > j:
            return self._tile(j, i).T
        rows = slice(i * TILE_ROWS, (i + 1) * TILE_ROWS)
        columns = slice(j * TILE_ROWS, (j + 1) * TILE_ROWS)
        path = self._folder / MATRIX_NAME
        try:
            with modest_zarr():
                tile = np.asarray(self._group[MATRIX_NAME][rows, columns])  # type: ignore[index]
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            raise self._damaged(str(error)) from error
        if np.isnan(tile[0, 0]):
            raise self._damaged(f"block {i}/{j} of {path} is gone")
        return tile

    def _damaged(self, why: str) -> StoreError:
        return StoreError(
            f"The Gram matrix in {self._folder} cannot be read: {why}. Delete the "
            "folder and give the same command again."
        )

    def _positions(self, rows: Rows) -> Positions:
        """Return where ``rows`` lie in the matrix."""
        at = np.searchsorted(self._rows, rows)
        if (at >= len(self._rows)).any() or not np.array_equal(self._rows[at], rows):
            raise self._damaged("it lacks rows that are asked for")
        return at


def _inside(positions: Positions, tile: int) -> slice:
    """Return the slice of ascending ``positions`` that one tile holds."""
    edges = np.searchsorted(positions, [tile * TILE_ROWS, (tile + 1) * TILE_ROWS])
    return slice(int(edges[0]), int(edges[1]))
