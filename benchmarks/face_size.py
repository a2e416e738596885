"""What the size of a face is worth by itself, and how well a spectrum tells it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.inline import InlinePool
from dfhpc.evaluation import ScoredFrames, evaluate_part
from dfhpc.models.feature_model import known_features
from dfhpc.models.feature_rows import ensure_features
from dfhpc.runs import RunDirectory
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.stages.scan import load_settings
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest

Floats = NDArray[np.float64]


def judge_size(view: RunDirectory, seed: int) -> dict[str, dict[str, Any]]:
    """Return, by model, what one on the size of a face alone is worth on test rows."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    reader, videos = RowReader(view.store_path), read_manifest(view.manifest_path)
    split = load_split(view, load_settings(view).variants()[0])
    rows = rows_of_parts(split, videos, reader)
    labels = np.asarray(reader.array("label"), np.int8)
    sizes = _log_sizes(reader)[:, None]
    models = {
        "logistic_regression": LogisticRegression(class_weight="balanced"),
        "random_forest": RandomForestClassifier(
            100, min_samples_leaf=5, class_weight="balanced", random_state=seed
        ),
    }
    found = {}
    for name, model in models.items():
        model.fit(sizes[rows["train"]], labels[rows["train"]])
        scores = {name: model.predict_proba(sizes[rows["test"]])[:, 1]}
        frames = ScoredFrames.gather(reader, videos, rows["test"], scores)
        found[name] = evaluate_part(frames, name, seed)
    return found


def _log_sizes(reader: RowReader) -> Floats:
    """Return the binary logarithm of each face's size in pixels; 0 without a face."""
    return np.log2(np.maximum(np.asarray(reader.array("size_px"), np.float64), 1))


def size_from_spectrum(view: RunDirectory) -> dict[str, Any]:
    """Return how well a ridge on spectra tells the size of faces of other people.

    ``correlation`` is that of true and predicted logarithms, over all rows with a face,
    each predicted from the other groups; ``median_error`` is a factor.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    reader, videos = RowReader(view.store_path), read_manifest(view.manifest_path)
    labels = np.asarray(reader.array("label"), np.int8)
    rows = np.flatnonzero(np.asarray(reader.array("valid"), bool) & (labels >= 0))
    ensure_features(view, InlinePool(), "spectrum", rows)
    sizes = _log_sizes(reader)[rows]
    groups = np.array([videos[i].group_id for i in reader.layout.video_of(rows)])
    count = len(np.unique(groups))
    predicted = cross_val_predict(
        make_pipeline(StandardScaler(), Ridge(10.0)),
        known_features(view, "spectrum", rows).astype(np.float64),
        sizes,
        groups=groups,
        cv=GroupKFold(min(5, count)),
    )
    is_constant = np.ptp(sizes) == 0 or np.ptp(predicted) == 0
    return {
        "faces": len(rows),
        "groups": count,
        "correlation": None
        if is_constant
        else float(np.corrcoef(sizes, predicted)[0, 1]),
        "median_error": float(2 ** np.median(np.abs(sizes - predicted))),
    }
