"""The training rows of a split, and their labels."""

import shutil
from collections.abc import Sequence

import numpy as np

from dfhpc.constants import LABEL_FAKE, LABEL_NAMES, LABEL_REAL
from dfhpc.errors import SplitError
from dfhpc.model_configs import ModelConfig
from dfhpc.models.base import (
    CALIBRATION_ROWS_NAME,
    TRAINING_ROWS_NAME,
    TrainingRows,
)
from dfhpc.models.gram_plan import hash_rows
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.split_rows import rows_of_parts
from dfhpc.splits import Split
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest

BEGUN_NAME = "begun.json"
"""What a model's folder was begun for."""


def training_rows(run: RunDirectory, split: Split, reader: RowReader) -> TrainingRows:
    """Return the rows with a face in the training part.

    Raises
    ------
    SplitError
        When one of the classes has none.
    """
    rows = rows_of_parts(split, read_manifest(run.manifest_path), reader)["train"]
    labels = np.asarray(reader.array("label")[rows], np.int8)
    missing = {LABEL_REAL, LABEL_FAKE} - set(labels.tolist())
    if missing:
        names = " and no ".join(LABEL_NAMES[label] for label in sorted(missing))
        raise SplitError(
            f"No {names} face was found in the training videos; "
            f"see `dfhpc status {run.path}`."
        )
    return TrainingRows(rows, labels)


def calibration_rows(
    run: RunDirectory, split: Split, reader: RowReader
) -> TrainingRows:
    """Return the rows with a face and a label in the calibration part, if any."""
    parts = rows_of_parts(split, read_manifest(run.manifest_path), reader)
    labels = np.asarray(reader.array("label"), np.int8)
    rows = parts["calibration"][labels[parts["calibration"]] >= 0]
    return TrainingRows(rows, labels[rows])


def begin_model(
    run: RunDirectory,
    model_id: str,
    configs: Sequence[ModelConfig],
    rows: TrainingRows,
    calibration: TrainingRows | None = None,
) -> None:
    """Give a model's folder its training rows, and those it is watched on.

    What an earlier attempt left there is kept, unless it was for other rows or other
    settings: then all of it is removed.
    """
    folder = run.model_dir(model_id)
    wanted = {
        "models": [config.model_dump(mode="json") for config in configs],
        "rows": hash_rows(rows.rows),
        "store": RowReader(run.store_path).identity,
    }
    if calibration is not None:
        wanted["calibration"] = hash_rows(calibration.rows)
    path = folder / BEGUN_NAME
    if not path.exists() or read_json(path) != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        rows.save(folder / TRAINING_ROWS_NAME)
        if calibration is not None:
            calibration.save(folder / CALIBRATION_ROWS_NAME)
        write_json(path, wanted)
