"""A run directory with extracted rows and nothing else, for one measurement."""

import csv
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import made_settings
from dfhpc.metrics import THRESHOLD
from dfhpc.recipes import parse_settings, with_overrides
from dfhpc.runs import RunDirectory
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.stages.scan import load_settings, start_run
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest

WORK_B_SPLIT = {
    "split.kind": "random_rows",
    "split.test_share": 0.2,
    "split.seed": 42,
}
"""Leaky, as work B's: it is speed that is compared here."""


def fresh_view(made: RunDirectory, folder: Path, settings: dict[str, Any]) -> Path:
    """Return ``folder`` as a new run directory with the rows of ``made``.

    Manifest, store and marks are links. ``settings`` are dotted keys, set over those
    that the rows were made under and work B's split.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    raw = with_overrides(made_settings().to_json(), WORK_B_SPLIT | settings)
    run = RunDirectory(folder.absolute())
    start_run(run, parse_settings(raw, "benchmarks"))
    for name in ("manifest_path", "store_path", "partitions_dir"):
        os.symlink(getattr(made, name), getattr(run, name))
    return run.path


def read_truth(view: Path) -> NDArray[np.int8]:
    """Return the label of each test row, ascending; makes the split if need be."""
    run = RunDirectory(view)
    reader = RowReader(run.store_path)
    split = load_split(run, load_settings(run).variants()[0])
    rows = rows_of_parts(split, read_manifest(run.manifest_path), reader)["test"]
    return np.asarray(reader.array("label")[rows], np.int8)


def dfhpc_command(view: Path) -> list[str]:
    """Return the command that trains and evaluates in a view."""
    return [sys.executable, "-m", "dfhpc", "run", "--run-dir", str(view)]


def read_predictions(view: Path, name: str) -> NDArray[np.int8]:
    """Return what an evaluated model calls each test row, ascending: 1 for fake."""
    with (RunDirectory(view).evaluation_dir / "frames.csv").open() as file:
        scores = [float(frame[name]) for frame in csv.DictReader(file)]
    return (np.array(scores) >= THRESHOLD).astype(np.int8)
