"""Scores of stored rows under several models: from what is known, or from pixels."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from dfhpc.cluster.memory import PROCESS_BYTES, check_memory
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import ROW_LENGTH
from dfhpc.models.base import Scores, StoredScorer, load_cached
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import RowReader, Rows


def score_rows(
    run: RunDirectory,
    pool: WorkPool,
    names: Sequence[str],
    reader: RowReader,
    rows: Rows,
) -> dict[str, Scores]:
    """Return the scores of ``rows``, ascending, under each model."""
    scores: dict[str, Scores] = {name: np.zeros(len(rows)) for name in names}
    unknown = []
    stored = [
        Unit.fixed(f"score-{name}", score_stored, run.path, name, rows)
        for name in names
    ]
    partitions = [int(index) for index in reader.partitions_of(rows)]
    total = len(names) + len(partitions)
    with progress("Evaluating", total, "unit") as advance:
        for _, (name, known) in run_units(pool, stored):
            if known is None:
                unknown.append(name)
            else:
                scores[name] = known
            advance(1)
        units = _units(run, sorted(unknown), partitions, rows, reader)
        for _, (found, by_name) in run_units(pool, units):
            at = np.searchsorted(rows, found)
            for name, values in by_name.items():
                scores[name][at] = values
            advance(1)
    return scores


def _units(
    run: RunDirectory,
    names: Sequence[str],
    partitions: Sequence[int],
    rows: Rows,
    reader: RowReader,
) -> Iterable[Unit]:
    size = reader.layout.rows_per_partition
    for index in partitions if names else ():
        inside = rows[(rows >= index * size) & (rows < (index + 1) * size)]
        yield Unit.fixed(
            f"score-{index:06d}", score_partition, run.path, names, index, inside
        )


def score_stored(run_dir: Path, name: str, rows: Rows) -> tuple[str, Scores | None]:
    """Return a model's name, and its scores if it knows them without the pixels."""
    run = RunDirectory(run_dir)
    model = load_cached(run, name)
    known = model.score_stored(run, rows) if isinstance(model, StoredScorer) else None
    return name, known


def score_partition(
    run_dir: Path, names: Sequence[str], index: int, rows: Rows
) -> tuple[Rows, dict[str, Scores]]:
    """Return ``rows`` of a partition and their scores under each model."""
    run = RunDirectory(run_dir)
    found, pixels = RowReader(run.store_path).read_partition(index, rows)
    return found, {name: load_cached(run, name).score(pixels) for name in names}


BATCH_ROWS = 256
"""Foreign rows a call, at least: a kernel machine reads all its support rows for it."""

BYTES_PER_ROW = 8 * ROW_LENGTH
"""Of a batch: its pixels twice, and the weighted bytes of a kernel machine."""


def score_foreign_rows(
    run: RunDirectory,
    pool: WorkPool,
    names: Sequence[str],
    reader: RowReader,
    rows: Rows,
) -> dict[str, Scores]:
    """Return the scores of ``rows``, ascending, of another run's store.

    No model knows those, so all are read.
    """
    scores: dict[str, Scores] = {name: np.zeros(len(rows)) for name in names}
    batches = _batches(reader, rows)
    largest = max((len(batch) for batch in batches), default=0)
    projected = PROCESS_BYTES + largest * BYTES_PER_ROW
    check_memory("Cross-evaluation", projected, pool)
    units = [
        Unit.fixed(
            f"score-on-{index:06d}", score_batch, run.path, names, reader.path, batch
        )
        for index, batch in enumerate(batches)
    ]
    with progress("Cross-evaluating", len(units), "block") as advance:
        for _, (found, by_name) in run_units(pool, units):
            at = np.searchsorted(rows, found)
            for name, values in by_name.items():
                scores[name][at] = values
            advance(1)
    return scores


def _batches(reader: RowReader, rows: Rows) -> list[Rows]:
    """Return the rows in batches of whole partitions, so that each is read once."""
    size = reader.layout.rows_per_partition
    batches: list[list[Rows]] = []
    room = 0
    for index in reader.partitions_of(rows).tolist():
        inside = rows[(rows >= index * size) & (rows < (index + 1) * size)]
        if room <= 0:
            batches.append([])
            room = BATCH_ROWS
        batches[-1].append(inside)
        room -= len(inside)
    return [np.concatenate(batch) for batch in batches]


def score_batch(
    run_dir: Path, names: Sequence[str], store_path: Path, rows: Rows
) -> tuple[Rows, dict[str, Scores]]:
    """Return ``rows`` of a store and their scores under each model of a run."""
    run = RunDirectory(run_dir)
    blocks = list(RowReader(store_path).iter_partitions(rows))
    pixels = np.concatenate([block for _, block in blocks])
    return rows, {name: load_cached(run, name).score(pixels) for name in names}
