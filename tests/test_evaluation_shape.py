"""An evaluation of another shape is refused in one sentence where it is read."""

import copy

import numpy as np
import pytest

from dfhpc import calibration
from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import RunDirectoryError
from dfhpc.evaluation_shape import read_evaluation
from dfhpc.runs import RunDirectory, write_json


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array([0, 1], np.int8), 30)
    scores = np.clip(0.3 + 0.4 * labels + rng.normal(0, 0.2, 60), 0.01, 0.99)
    groups = tuple(f"g{at % 12}" for at in range(60))
    videos = calibration.VideoScores(labels, scores, groups)
    entry = calibration.to_json(calibration.fit(videos, 0.1, 1), videos, None)
    none = calibration.uncalibrated("A leak.", 0.1)
    other = calibration.to_json(none, calibration.NO_VIDEOS, videos)
    isotonic = calibration.fit_isotonic(labels, scores).parameters
    steps = {"kind": "isotonic", "interval": entry["map"]["interval"], **isotonic}
    entries = {"platt": entry, "none": other, "isotonic": entry | {"map": steps}}
    return {
        "format_version": FORMAT_VERSION,
        "models": {},
        "beside": None,
        "probabilities": {
            name: each | {"model_digest": "d"} for name, each in entries.items()
        },
    }


def read_changed(folder, evaluation, *place_and_value):
    changed = copy.deepcopy(evaluation)
    *place, last, value = place_and_value
    inside = changed
    for key in place:
        inside = inside[key]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    run = RunDirectory(folder)
    write_json(run.evaluation_path, changed)
    return read_evaluation(run, "models", "beside")


def test_what_dfhpc_writes_is_taken(tmp_path, evaluation):
    assert read_changed(tmp_path, evaluation, "beside", None) == evaluation


ENTRY = ("probabilities", "platt")


@pytest.mark.parametrize(
    "change",
    [
        ("models", []),
        ("models", {"svm": None}),
        ("models", {"svm": {"test": {"video": {}}}}),
        ("probabilities", []),
        ("beside", []),
        ("beside", {"models": []}),
        (*ENTRY, None),
        (*ENTRY, "model_digest", ...),
        (*ENTRY, "map", None),
        (*ENTRY, "map", "kind", "other"),
        (*ENTRY, "map", "slope", ...),
        (*ENTRY, "map", "slope", -1.0),
        (*ENTRY, "map", "slope", "1"),
        (*ENTRY, "map", "intercept", None),
        (*ENTRY, "map", "interval", "low", [0.5]),
        (*ENTRY, "threshold", None),
        (*ENTRY, "threshold", "value", None),
        (*ENTRY, "threshold", "value", 1.5),
        (*ENTRY, "threshold", "band", [0.5]),
        (*ENTRY, "threshold", "band", [0.6, 0.5]),
        (*ENTRY, "threshold", "test", []),
        (*ENTRY, "fitted_on", "videos", 0),
        ("probabilities", "none", "map", "why", ...),
        ("probabilities", "isotonic", "map", "probability", [0.5]),
        ("probabilities", "isotonic", "map", "probability", [0.9, 0.1]),
    ],
    ids=str,
)
def test_another_shape_is_refused(tmp_path, evaluation, change):
    with pytest.raises(RunDirectoryError) as caught:
        read_changed(tmp_path, evaluation, *change)
    text = str(caught.value)
    assert "evaluation.json is damaged, or of another dfhpc (" in text
    assert text.endswith(f"delete it and run `dfhpc evaluate {tmp_path}`.")
    assert "\n" not in text


def test_another_format_version_is_refused(tmp_path, evaluation):
    with pytest.raises(RunDirectoryError, match="format version 99"):
        read_changed(tmp_path, evaluation, "format_version", 99)
