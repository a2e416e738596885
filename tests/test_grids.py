"""Grids that no search can try, and what is planned of those that it can."""

import logging

import numpy as np
import pytest

from dfhpc.errors import ConfigError, ModelError
from dfhpc.models.files import save_arrays
from dfhpc.models.self_test import SELF_TEST_NAME
from dfhpc.recipes import parse_settings
from dfhpc.runs import RunDirectory
from dfhpc.stages import train


def parse(grid, **cnn):
    raw = {
        "train": {"models": ["cnn"], "cnn": {"weights": "none", **cnn}},
        "search": {"grids": {"cnn": grid}},
    }
    return parse_settings(raw, "recipe")


@pytest.mark.parametrize(
    ("grid", "cnn", "message"),
    [
        ({"patience": [1, 2]}, {}, r"search\.grids\.cnn has patience, and the folds"),
        ({"dense_units": [8]}, {"patience": 2}, "cnn has patience, and the folds"),
        (
            {"epochs": [2, 9], "warm_up_epochs": [1, 3]},
            {"base_training": "warm_up"},
            "do not go together: warm_up_epochs = 3 leaves none of the 2 epochs",
        ),
    ],
)
def test_grids_that_cannot_be_tried_are_refused(grid, cnn, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(grid, **cnn)
    assert "\n" not in str(caught.value)


def test_a_value_that_another_key_mends_is_taken():
    settings = parse({"base_training": ["warm_up"], "epochs": [3]}, epochs=1)
    assert [config.epochs for config in settings.candidates("cnn")] == [3]


def test_every_candidate_is_planned(tmp_path):
    settings = parse({"weights": ["none", str(tmp_path / "absent.h5")]})
    with pytest.raises(ModelError, match=r"There is no file .*absent\.h5"):
        train._plan_model(settings, settings.trainings()[0], has_calibration=True)


def test_equal_scores_are_told_of(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("dfhpc"), "propagate", True)
    run = RunDirectory(tmp_path)
    for name, scores in (("flat", [0.5, 0.5]), ("fine", [0.4, 0.6])):
        path = run.model_dir(name) / SELF_TEST_NAME
        save_arrays(path, {"scores": np.array(scores)})
        train._warn_of_equal_scores(run, name)
    assert [record.args for record in caplog.records] == [("flat",)]
