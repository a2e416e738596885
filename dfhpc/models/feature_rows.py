"""The rows as features: made from the store in units, kept, and read.

A unit is a partition of the store. Its features are one file, its mark another,
written after it. Features are of a row alone, whatever its label or its part of a
split, so that one set of them serves all splits and all folds.
"""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.cluster.memory import PROCESS_BYTES, check_memory
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import FORMAT_VERSION, ROW_LENGTH
from dfhpc.errors import RunDirectoryError
from dfhpc.model_configs import FeatureKind
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.gram import rows_of_interest
from dfhpc.models.gram_plan import ROWS_NAME, hash_rows
from dfhpc.models.spectrum import (
    FEATURES_VERSION,
    Values,
    compute_features,
    num_columns,
)
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.store.reading import RowReader, Rows

logger = logging.getLogger(__name__)

PLAN_NAME = "plan.json"
FINISHED_NAME = "finished.json"


def folder_of(run: RunDirectory, kind: FeatureKind) -> Path:
    """Return the folder of one kind of features."""
    return run.features_path / kind


def project_bytes(shard_bytes: int) -> int:
    """Return the peak of a worker that makes features: a shard, twice."""
    return PROCESS_BYTES + 2 * shard_bytes + 2**26


def ensure_features(
    run: RunDirectory, pool: WorkPool, kind: FeatureKind, training: Rows
) -> None:
    """Make what is missing of the features of all labelled rows and of ``training``.

    Features of another store, of other rows or of an older definition are removed.

    Raises
    ------
    ProjectedMemoryError
        When a worker has no room for a shard.
    """
    reader = RowReader(run.store_path)
    rows = rows_of_interest(reader, training)
    folder = folder_of(run, kind)
    identity = _identity(reader, rows)
    if _read_mark(folder / FINISHED_NAME) == identity:
        return
    shard_bytes = reader.layout.rows_per_partition * ROW_LENGTH
    check_memory(f"The {kind} of the rows", project_bytes(shard_bytes), pool)
    _begin(folder, identity, rows)
    indices = [int(index) for index in reader.partitions_of(rows)]
    missing = [index for index in indices if not _is_there(folder, index)]
    logger.info(
        "The %s of %d faces, %d of %d partitions to do.",
        kind,
        len(rows),
        len(missing),
        len(indices),
    )
    units = (
        Unit.fixed(f"{kind}-{index:06d}", make_features, run.path, kind, index)
        for index in missing
    )
    done = len(indices) - len(missing)
    with progress(f"The {kind} of faces", len(indices), "partition", done) as advance:
        for _ in run_units(pool, units):
            advance(1)
    write_json(folder / FINISHED_NAME, identity)


def _identity(reader: RowReader, rows: Rows) -> dict[str, Any]:
    """Return what features depend on; any other of it, and they are made anew."""
    return {
        "format_version": FORMAT_VERSION,
        "features_version": FEATURES_VERSION,
        "store": reader.identity,
        "rows": hash_rows(rows),
    }


def _begin(folder: Path, identity: dict[str, Any], rows: Rows) -> None:
    """See that the folder is for these rows; what another begun is removed."""
    if _read_mark(folder / PLAN_NAME) == identity:
        return
    shutil.rmtree(folder, ignore_errors=True)
    save_arrays(folder / ROWS_NAME, {"rows": rows})
    write_json(folder / PLAN_NAME, identity)


def _read_mark(path: Path) -> Any:
    """Return what a mark says; nothing where it is absent or damaged."""
    try:
        return read_json(path)
    except RunDirectoryError:
        return None


def _values_path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.npz"


def _mark_path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.json"


def _is_there(folder: Path, index: int) -> bool:
    return _mark_path(folder, index).exists() and _values_path(folder, index).exists()


def make_features(run_dir: Path, kind: FeatureKind, index: int) -> None:
    """Write the features of one partition, then its mark. Safe to repeat."""
    run = RunDirectory(run_dir)
    folder = folder_of(run, kind)
    rows = load_arrays(folder / ROWS_NAME)["rows"]
    found, pixels = RowReader(run.store_path).read_partition(index, rows)
    values = compute_features(kind, pixels)
    save_arrays(_values_path(folder, index), {"rows": found, "values": values})
    write_json(_mark_path(folder, index), {"rows": len(found)})


def read_features(run: RunDirectory, kind: FeatureKind, rows: Rows) -> Values | None:
    """Return the features of ``rows``, (rows, columns); None if not all are there.

    Raises
    ------
    ModelError
        When a file of them is damaged.
    """
    folder = folder_of(run, kind)
    mark = _read_mark(folder / FINISHED_NAME)
    reader = RowReader(run.store_path)
    if mark is None or not (folder / ROWS_NAME).exists():
        return None
    every = load_arrays(folder / ROWS_NAME)["rows"]
    if mark != _identity(reader, every) or not np.isin(rows, every).all():
        return None
    found = np.empty((len(rows), num_columns(kind)), np.float32)
    partition = rows // reader.layout.rows_per_partition
    for index in np.unique(partition):
        path = _values_path(folder, int(index))
        if not path.exists():
            return None
        arrays = load_arrays(path)
        wanted = np.flatnonzero(partition == index)
        at = np.searchsorted(arrays["rows"], rows[wanted])
        found[wanted] = arrays["values"][at]
    return found
