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
from typing import Any

import numpy as np

from dfhpc.cluster.memory import check_memory
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import ModelError, RunDirectoryError, StoreError
from dfhpc.models.columns import measure_columns
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.gram_plan import (
    MAX_ROWS,
    ROWS_NAME,
    GramPlan,
    GramUnit,
    hash_rows,
    part_path,
    tile_offsets,
)
from dfhpc.models.gram_sum import (
    MATRIX_NAME,
    WEIGHTING_NAME,
    add_up_all,
    tile_view,
    write_part,
)
from dfhpc.models.products import best_product
from dfhpc.models.weighting import Group, Weighting
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.store.prefetch import prefetched
from dfhpc.store.reading import Pixels, RowReader, Rows

logger = logging.getLogger(__name__)

FINISHED_NAME = "finished.json"
PLAN_NAME = "plan.json"


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
        # A kill may have come between the mark and this.
        shutil.rmtree(folder / "parts", ignore_errors=True)
        return folder
    if len(rows) > MAX_ROWS:
        raise ModelError(
            f"A Gram matrix of {len(rows)} faces is beyond {MAX_ROWS}, where it is no "
            "longer sensible; train the model sgd, which streams any number."
        )
    plan = _pinned_plan(folder, rows, rows_hash, pool.num_workers)
    check_memory("The Gram matrix", plan.project_bytes(), pool)
    _check_disk(folder, plan)
    if not (folder / WEIGHTING_NAME).exists():
        weighting = Weighting.plain()
        if standardize:
            sums = measure_columns(run, pool, training, rows)
            weighting = Weighting.standardizing(sums)
        save_arrays(folder / WEIGHTING_NAME, weighting.to_arrays())
    _multiply_all(run, pool, folder, plan)
    add_up_all(pool, folder, plan)
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
    found = _read_mark(folder / FINISHED_NAME)
    return found.get("rows_hash") == rows_hash and (folder / MATRIX_NAME).is_dir()


def _read_mark(path: Path) -> dict[str, Any]:
    """Return what a mark says; nothing where it is absent or damaged."""
    try:
        found = read_json(path)
    except RunDirectoryError:
        return {}
    return found if isinstance(found, dict) else {}


def _check_disk(folder: Path, plan: GramPlan) -> None:
    """Refuse a matrix that the disk has no room for.

    Raises
    ------
    StoreError
        Naming both figures.
    """
    there = sum(path.stat().st_size for path in (folder / "parts").glob("*"))
    needed = plan.project_disk_bytes() - there
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StoreError(
            f"The Gram matrix of {plan.num_rows} faces needs {needed / 1e9:.1f} GB on "
            f"the disk of {folder}, which has {free / 1e9:.1f} GB free; make room, or "
            "train the model sgd, which needs none."
        )


def _pinned_plan(
    folder: Path, rows: Rows, rows_hash: str, num_workers: int
) -> GramPlan:
    """Return the plan that was begun, or a new one where there is none for ``rows``."""
    path = folder / PLAN_NAME
    found = _read_mark(path).get("plan", {})
    if found.get("rows_hash") == rows_hash:
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
            target = tile_view(sums, start, len(left), ahead)
            for scale, other in factors:
                found = product(left, other)
                target += found if scale == 1 else found * scale
    write_part(folder, unit, sums)


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
