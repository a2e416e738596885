"""Work B's own code path: scikit-learn in memory, on the rows of the same split.

Every function is called in a fresh process. Training and test rows are read into
arrays of their own, which spares the rival the copies of work B's split.
"""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import ROW_LENGTH
from dfhpc.runs import RunDirectory
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.stages.scan import load_settings
from dfhpc.store.reading import RowReader, Rows
from dfhpc.videos.manifest import read_manifest


def svm(run_dir: str, cost: float) -> dict[str, Any]:
    """Fit and predict with work B's SVM; its cost parameter was 1, then 0.01."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    model = make_pipeline(StandardScaler(), SVC(gamma="scale", C=cost))
    return _contest(run_dir, model, np.float64)


def logistic_regression(run_dir: str, tolerance: float) -> dict[str, Any]:
    """Fit and predict with work B's logistic regression, C = 1, on unscaled pixels.

    Its tolerance was liblinear's own, 1e-4.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        solver="liblinear", C=1.0, tol=tolerance, max_iter=1000, random_state=42
    )
    return _contest(run_dir, model, np.float64)


def random_forest(run_dir: str, num_trees: int) -> dict[str, Any]:
    """Fit and predict with work B's forest, but on two cores; it used one."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=num_trees, random_state=42, n_jobs=2)
    return _contest(run_dir, model, np.float32)


def _contest(run_dir: str, model: Any, dtype: type[np.floating[Any]]) -> dict[str, Any]:
    """Return the predictions for the test rows, ascending, and seconds by step."""
    run = RunDirectory(Path(run_dir))
    reader = RowReader(run.store_path)
    split = load_split(run, load_settings(run).variants()[0])
    rows = rows_of_parts(split, read_manifest(run.manifest_path), reader)
    labels = np.asarray(reader.array("label"), np.int8)
    laps = _Laps()
    train = read_wide(reader, rows["train"], dtype)
    test = read_wide(reader, rows["test"], dtype)
    laps.end("read_s")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(train, labels[rows["train"]])
    laps.end("fit_s")
    predicted = model.predict(test)
    laps.end("predict_s")
    facts = {
        "iterations": _iterations(model),
        "warnings": sorted({str(warning.message) for warning in caught}),
        **laps.seconds,
    }
    return {"predicted": [int(label) for label in predicted], "facts": facts}


def read_wide(
    reader: RowReader, rows: Rows, dtype: type[np.floating[Any]]
) -> NDArray[Any]:
    """Return ``rows`` whole, (rows, 307200), in the type that the rival works in."""
    wide = np.empty((len(rows), ROW_LENGTH), dtype)
    position = 0
    for found, pixels in reader.iter_partitions(rows):
        wide[position : position + len(found)] = pixels
        position += len(found)
    return wide


def _iterations(model: Any) -> int | None:
    """Return how many iterations the last step of a fitted model took, if it says."""
    last = model[-1] if hasattr(model, "steps") else model
    count = getattr(last, "n_iter_", None)
    return None if count is None else int(np.max(count))


class _Laps:
    """Seconds of one step after the other."""

    def __init__(self) -> None:
        self._clock: Callable[[], float] = time.perf_counter
        self._last = self._clock()
        self.seconds: dict[str, float] = {}

    def end(self, name: str) -> None:
        now = self._clock()
        self.seconds[name] = now - self._last
        self._last = now
