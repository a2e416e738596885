"""The training rows of a split, and their labels."""

import numpy as np

from dfhpc.constants import LABEL_FAKE, LABEL_NAMES, LABEL_REAL
from dfhpc.errors import SplitError
from dfhpc.models.base import TrainingRows
from dfhpc.runs import RunDirectory
from dfhpc.split_rows import rows_of_parts
from dfhpc.splits import Split
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest


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
