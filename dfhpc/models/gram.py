"""The Gram matrix of the rows: all their inner products, in one pass over the store.

Columns outnumber rows by far, so every model with a quadratic penalty, linear or
with a kernel, can be found from the inner products of the rows alone (Hastie &
Tibshirani 2004, "Efficient quadratic regularization for expression arrays"). The
products are of integers and exact: the same bits whatever the number of workers,
the cut of the work, its order, the processor, or a kill in between.
"""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from dfhpc.cluster.memory import check_memory
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import ModelError
from dfhpc.models.columns import measure_columns
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.gram_plan import (
    MAX_ROWS,
    TILE_ROWS,
    GramPlan,
    GramUnit,
    hash_rows,
    part_path,
    tile_offsets,
)
from dfhpc.models.products import best_product
from dfhpc.models.weighting import Group, Weighting
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, atomic_path, read_record, write_json
from dfhpc.store.prefetch import prefetched
from dfhpc.store.reading import Pixels, RowReader, Rows

logger = logging.getLogger(__name__)

FINISHED_NAME = "finished.json"
PLAN_NAME = "plan.json"
ROWS_NAME = "rows.npz"
WEIGHTING_NAME = "weighting.npz"
MATRIX_NAME = "matrix"
OFFSETS_NAME = "offsets"

Floats = NDArray[np.float64]


def gram_name(training: Rows | None) -> str:
    """Return the name of a Gram matrix: of raw pixels, or standardized by some rows."""
    return "raw" if training is None else f"standardized-{hash_rows(training)}"


def rows_of_interest(reader: RowReader, training: Rows) -> Rows:
    """Return all rows with a face and a label, and ``training`` in any case.

    So one matrix serves training and evaluation, and all splits and folds.
    """
    valid = np.asarray(reader.array("valid"), bool)
    labels = np.asarray(reader.array("label"), np.int8)
    return np.union1d(np.flatnonzero(valid & (labels >= 0)), training)


def ensure_gram(
    run: RunDirectory, pool: WorkPool, training: Rows, *, standardize: bool
) -> Path:
    """Return the folder of a Gram matrix, computing what of it is missing.

    Raises
    ------
    ModelError
        When there are too many rows for it to be sensible.
    ProjectedMemoryError
        When a worker has no room for its share.
    """
    name = gram_name(training if standardize else None)
    folder = run.gram_path / name
    reader = RowReader(run.store_path)
    rows = rows_of_interest(reader, training)
    rows_hash = f"{reader.identity}-{hash_rows(rows)}"
    if _is_finished(folder, rows_hash):
        return folder
    if len(rows) > MAX_ROWS:
        raise ModelError(
            f"A Gram matrix of {len(rows)} faces is beyond {MAX_ROWS}, where it is no "
            "longer sensible; train the model sgd, which streams any number."
        )
    plan = _pinned_plan(folder, rows, rows_hash, pool.num_workers)
    check_memory("The Gram matrix", plan.project_bytes(), pool)
    if not (folder / WEIGHTING_NAME).exists():
        weighting = Weighting.plain()
        if standardize:
            weighting = Weighting.standardizing(measure_columns(run, pool, training))
        save_arrays(folder / WEIGHTING_NAME, weighting.to_arrays())
    _multiply_all(run, pool, folder, plan)
    _add_up_all(pool, folder, plan)
    write_json(
        folder / FINISHED_NAME, {"format_version": FORMAT_VERSION, **plan.to_json()}
    )
    shutil.rmtree(folder / "parts", ignore_errors=True)
    return folder


def finished_gram(run: RunDirectory, training: Rows) -> Path | None:
    """Return the folder of a matrix that is there for these rows, or None.

    One standardized by them is preferred to one of raw pixels.
    """
    reader = RowReader(run.store_path)
    rows_hash = f"{reader.identity}-{hash_rows(rows_of_interest(reader, training))}"
    for name in (gram_name(training), gram_name(None)):
        if _is_finished(run.gram_path / name, rows_hash):
            return run.gram_path / name
    return None


def _is_finished(folder: Path, rows_hash: str) -> bool:
    path = folder / FINISHED_NAME
    return (
        path.exists()
        and read_record(path, "rows_hash")["rows_hash"] == rows_hash
        and (folder / MATRIX_NAME).is_dir()
    )


def _pinned_plan(
    folder: Path, rows: Rows, rows_hash: str, num_workers: int
) -> GramPlan:
    """Return the plan that was begun, or a new one where there is none for ``rows``."""
    path = folder / PLAN_NAME
    if path.exists():
        found = read_record(path, "plan")["plan"]
        if found["rows_hash"] == rows_hash:
            return GramPlan(**found)
    shutil.rmtree(folder, ignore_errors=True)
    plan = GramPlan.make(len(rows), rows_hash, num_workers)
    save_arrays(folder / ROWS_NAME, {"rows": rows})
    write_json(path, {"format_version": FORMAT_VERSION, "plan": plan.to_json()})
    return plan


def _multiply_all(
    run: RunDirectory, pool: WorkPool, folder: Path, plan: GramPlan
) -> None:
    """Do the units that are not done."""
    units = plan.units()
    missing = [unit for unit in units if not part_path(folder, unit).exists()]
    logger.info(
        "The products of %d faces with each other, %d of %d units to do.",
        plan.num_rows,
        len(missing),
        len(units),
    )
    work = (
        Unit.fixed(f"gram-{unit.name}", multiply, run.store_path, folder, plan, unit)
        for unit in missing
    )
    done = len(units) - len(missing)
    with progress("Gram matrix", len(units), "unit", done) as advance:
        for _ in run_units(pool, work):
            advance(1)


def multiply(store_path: Path, folder: Path, plan: GramPlan, unit: GramUnit) -> None:
    """Write the sums of one unit: its tiles one after the other, then its offsets."""
    product = best_product()[1]
    tiles, starts = tile_offsets(plan, unit)
    right = plan.span(unit.right)
    sums = np.zeros(starts[-1] + right.stop - right.start)
    offsets = sums[starts[-1] :]
    for group, pixels in prefetched(_grouped_panels(store_path, folder, plan, unit)):
        turned: slice | None = None
        for tile, start in zip(tiles, starts, strict=False):
            if tile.columns != turned:
                turned = tile.columns
                factors = group.factors(pixels[_local(plan, unit, turned)])
                ahead = slice(turned.start - right.start, turned.stop - right.start)
                for scale, other in factors:
                    offsets[ahead] += scale * product(group.offset_row, other)[0]
            left = pixels[_local(plan, unit, tile.rows)]
            target = _tile_view(sums, start, len(left), ahead)
            for scale, other in factors:
                found = product(left, other)
                target += found if scale == 1 else found * scale
    path = part_path(folder, unit)
    with atomic_path(path) as tmp, tmp.open("wb") as file:
        np.save(file, sums)


def _tile_view(sums: Floats, start: int, num_rows: int, columns: slice) -> Floats:
    width = columns.stop - columns.start
    return sums[start : start + num_rows * width].reshape(num_rows, width)


def _local(plan: GramPlan, unit: GramUnit, positions: slice) -> slice:
    """Return where ``positions`` lie in a panel: the left span, then the right one."""
    left, right = plan.span(unit.left), plan.span(unit.right)
    shift = -left.start
    if unit.left != unit.right and positions.start >= right.start:
        shift = left.stop - left.start - right.start
    return slice(positions.start + shift, positions.stop + shift)


def _grouped_panels(
    store_path: Path, folder: Path, plan: GramPlan, unit: GramUnit
) -> Iterator[tuple[Group, Pixels]]:
    """Yield each group of columns of a unit, and its pixels in the unit's rows."""
    reader = RowReader(store_path)
    rows = load_arrays(folder / ROWS_NAME)["rows"]
    weighting = Weighting(**load_arrays(folder / WEIGHTING_NAME))
    spans = dict.fromkeys([unit.left, unit.right])
    wanted = np.concatenate([rows[plan.span(span)] for span in spans])
    for columns in plan.panels(unit):
        panel = reader.read_columns(wanted, columns)
        for group in weighting.groups(columns):
            yield group, group.take(panel)


def _add_up_all(pool: WorkPool, folder: Path, plan: GramPlan) -> None:
    """Add up the sums of all ranges of columns, in the matrix that is kept."""
    _create(folder, plan)
    keys = range(plan.num_spans)
    pairs = [(left, right) for right in keys for left in range(right + 1)]
    units = [
        Unit.fixed(
            f"add-{left:03d}-{right:03d}-{column}", add_up, folder, plan, unit, column
        )
        for left, right in pairs
        for unit in [GramUnit(left, right, 0)]
        for column in range(len(plan.tiles_of(right)))
    ]
    for _ in run_units(pool, units):
        pass


def _create(folder: Path, plan: GramPlan) -> None:
    shutil.rmtree(folder / MATRIX_NAME, ignore_errors=True)
    group = zarr.open_group(folder, mode="a")
    group.create_array(
        MATRIX_NAME,
        shape=(plan.num_rows, plan.num_rows),
        chunks=(TILE_ROWS, TILE_ROWS),
        dtype="float64",
        # A flipped bit must not pass for a product.
        compressors=[
            BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle"),
            Crc32cCodec(),
        ],
        # A lost chunk is read as this, which no product is.
        fill_value=np.nan,
        attributes={"format_version": FORMAT_VERSION},
    )
    group.create_array(
        OFFSETS_NAME,
        shape=(plan.num_rows,),
        chunks=(TILE_ROWS,),
        dtype="float64",
        fill_value=np.nan,
        overwrite=True,
    )


def add_up(folder: Path, plan: GramPlan, unit: GramUnit, column: int) -> None:
    """Write the tiles of a pair of spans that lie in one column of tiles."""
    columns = plan.tiles_of(unit.right)[column]
    offsets = _offsets(folder, plan, unit.right)[
        columns.start - plan.span(unit.right).start :
    ][: columns.stop - columns.start]
    group = zarr.open_group(folder, mode="r+")
    is_plain = Weighting(**load_arrays(folder / WEIGHTING_NAME)).is_plain
    tiles, starts = tile_offsets(plan, unit)
    parts = [
        np.load(part_path(folder, GramUnit(unit.left, unit.right, part)), mmap_mode="r")
        for part in range(plan.num_parts)
    ]
    for tile, start in zip(tiles, starts, strict=False):
        if tile.columns != columns:
            continue
        height = tile.rows.stop - tile.rows.start
        total = sum(_tile_view(part, start, height, columns) for part in parts)
        total = total if is_plain else total - offsets
        if tile.rows == columns:
            total = np.triu(total) + np.triu(total, 1).T
        group[MATRIX_NAME][tile.rows, columns] = total  # type: ignore[index]
    if unit.left == unit.right:
        group[OFFSETS_NAME][columns] = offsets  # type: ignore[index]


def _offsets(folder: Path, plan: GramPlan, span: int) -> Floats:
    """Return the offsets of the rows of a span, over all columns."""
    where = plan.span(span)
    total = np.zeros(where.stop - where.start)
    for part in range(plan.num_parts):
        unit = GramUnit(span, span, part)
        sums = np.load(part_path(folder, unit), mmap_mode="r")
        total += sums[len(sums) - len(total) :]
    return total
