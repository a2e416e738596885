"""Adding up what the units of a Gram matrix left, in the matrix that is kept."""

from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import FORMAT_VERSION
from dfhpc.models.files import load_arrays
from dfhpc.models.gram_plan import (
    TILE_ROWS,
    GramPlan,
    GramUnit,
    part_path,
    tile_offsets,
)
from dfhpc.models.weighting import Weighting
from dfhpc.runs import atomic_path, sync_if_there

WEIGHTING_NAME = "weighting.npz"
MATRIX_NAME = "matrix"
OFFSETS_NAME = "offsets"

Floats = NDArray[np.float64]


def write_part(folder: Path, unit: GramUnit, sums: Floats) -> None:
    """Write the sums of a unit, whole or not at all."""
    with atomic_path(part_path(folder, unit)) as tmp, tmp.open("wb") as file:
        # Not numpy.save, which does not say why a disk refuses.
        file.write(sums.view(np.uint8).data)


def _read_part(folder: Path, unit: GramUnit) -> Floats:
    return np.memmap(part_path(folder, unit), np.float64, mode="r")


def tile_view(sums: Floats, start: int, num_rows: int, columns: slice) -> Floats:
    """Return the tile that begins at ``start`` of a unit's sums."""
    width = columns.stop - columns.start
    return sums[start : start + num_rows * width].reshape(num_rows, width)


def add_up_all(pool: WorkPool, folder: Path, plan: GramPlan) -> None:
    """Add up the sums of all ranges of columns; the matrix is made anew."""
    _create(folder, plan)
    units = [
        Unit.fixed(f"add-{left:03d}-{right:03d}-{column}", add_up, folder, plan, *at)
        for right in range(plan.num_spans)
        for left in range(right + 1)
        for column in range(len(plan.tiles_of(right)))
        for at in [(GramUnit(left, right, 0), column)]
    ]
    for _ in run_units(pool, units):
        pass


def _create(folder: Path, plan: GramPlan) -> None:
    group = zarr.open_group(folder, mode="a")
    for name, dimensions in ((MATRIX_NAME, 2), (OFFSETS_NAME, 1)):
        group.create_array(
            name,
            shape=(plan.num_rows,) * dimensions,
            chunks=(TILE_ROWS,) * dimensions,
            dtype="float64",
            # A flipped bit must not pass for a product.
            compressors=[
                BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle"),
                Crc32cCodec(),
            ],
            # A lost chunk is read as this, which no product is.
            fill_value=np.nan,
            attributes={"format_version": FORMAT_VERSION},
            overwrite=True,
        )


def add_up(folder: Path, plan: GramPlan, unit: GramUnit, column: int) -> None:
    """Write the tiles of a pair of spans that lie in one column of tiles."""
    columns = plan.tiles_of(unit.right)[column]
    offsets = _offsets(folder, plan, unit.right, columns)
    group = zarr.open_group(folder, mode="r+")
    is_plain = Weighting(**load_arrays(folder / WEIGHTING_NAME)).is_plain
    tiles, starts = tile_offsets(plan, unit)
    parts = [
        _read_part(folder, GramUnit(unit.left, unit.right, part))
        for part in range(plan.num_parts)
    ]
    for tile, start in zip(tiles, starts, strict=False):
        if tile.columns != columns:
            continue
        height = tile.rows.stop - tile.rows.start
        total = sum(tile_view(part, start, height, columns) for part in parts)
        total = total if is_plain else total - offsets
        if tile.rows == columns:
            total = np.triu(total) + np.triu(total, 1).T
        group[MATRIX_NAME][tile.rows, columns] = total  # type: ignore[index]
        _flush(folder / MATRIX_NAME, tile.rows, columns)
    if unit.left == unit.right:
        group[OFFSETS_NAME][columns] = offsets  # type: ignore[index]
        _flush(folder / OFFSETS_NAME, columns)


def _flush(array: Path, *where: slice) -> None:
    """See a chunk to the disk, before the sums it was made of are removed."""
    places = [str(part.start // TILE_ROWS) for part in where]
    sync_if_there(array.joinpath("c", *places))


def _offsets(folder: Path, plan: GramPlan, span: int, columns: slice) -> Floats:
    """Return the offsets of some rows of a span, over all columns of the store."""
    where = plan.span(span)
    total = np.zeros(where.stop - where.start)
    for part in range(plan.num_parts):
        sums = _read_part(folder, GramUnit(span, span, part))
        total += sums[len(sums) - len(total) :]
    return total[columns.start - where.start : columns.stop - where.start]
