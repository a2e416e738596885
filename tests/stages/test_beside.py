"""A split beside the run's own: the same models under both, and the difference."""

import numpy as np
import pytest

from dfhpc.models.base import TRAINING_ROWS_NAME, TrainingRows
from dfhpc.reporting import tables
from dfhpc.runs import read_json
from dfhpc.stages.predict import choose_model, trained_models
from dfhpc.videos.manifest import read_manifest
from tests.stages.test_whole_run import run_all


@pytest.fixture(scope="module")
def both(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("both") / "run"
    split = {"kind": "random_rows", "beside": "group"}
    train = {"models": ["svm", "random_forest"]}
    return run_all(folder, clips, split=split, train=train)


def test_each_model_is_trained_under_both(both):
    run, _ = both
    expected = ["random_forest", "random_forest@group", "svm", "svm@group"]
    assert trained_models(run) == expected
    for name in ("svm", "random_forest"):
        assert read_json(run.model_path(name))["split"]["leaky"]
        assert not read_json(run.model_path(f"{name}@group"))["split"]["leaky"]


def test_the_split_beside_shares_no_group(both):
    run, settings = both
    videos = read_manifest(run.manifest_path)
    split = read_json(run.split_variant_path("@group"))
    rows = TrainingRows.load(run.model_dir("svm@group") / TRAINING_ROWS_NAME).rows
    size = settings.extract.frames_per_video
    trained = {videos[row // size].group_id for row in rows}
    tested = {v.group_id for v in videos if v.video_id in split["test"]}
    assert trained
    assert tested
    assert not trained & tested


def test_both_are_evaluated_and_compared(both):
    run, _ = both
    evaluation = read_json(run.evaluation_path)
    assert evaluation["split"]["leaky"]
    assert evaluation["beside"]["split"]["kind"] == "group"
    assert set(evaluation["beside"]["models"]) == {"svm@group", "random_forest@group"}
    shared = evaluation["beside"]["audit"]["overlap"].values()
    assert not any(count for pair in shared for count in pair.values())
    assert (run.evaluation_dir / "frames@group.csv").exists()
    text = tables.evaluation_text(evaluation)
    assert "The same models under both splits" in text
    assert "accuracy, random_rows (LEAKY)" in text
    assert "accuracy, group" in text


def test_what_each_cost_stands_beside_its_table(both):
    run, _ = both
    evaluation = read_json(run.evaluation_path)
    text = tables.evaluation_text(evaluation)
    for name in ("svm", "svm@group", "random_forest", "random_forest@group"):
        lines = evaluation["costs"][name]["lsf"]
        assert len(lines) == 10
        at = text.index(f"Resource usage summary of training {name}:")
        assert at > text.index(f"Model {name}, test part")
        assert "\n".join(lines) in text[at:]


def test_a_leaky_model_is_not_chosen_for_verdicts(both):
    run, _ = both
    assert choose_model(run, None).endswith("@group")


def test_rows_are_pictured(both):
    from PIL import Image

    run, _ = both
    for name in ("rows.png", "rows@group.png"):
        with Image.open(run.evaluation_dir / name) as picture:
            colors = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        assert len(np.unique(colors, axis=0)) > 50


def test_a_model_may_be_added_to_a_run_and_reuses_its_matrix(
    tmp_path, clips, monkeypatch
):
    from dfhpc.models import gram

    folder = tmp_path / "run"
    run, _ = run_all(folder, clips, train={"models": ["svm"]})
    before = run.model_path("svm").read_bytes()
    monkeypatch.setattr(gram, "multiply", None)
    named = {"hard": {"kind": "svm", "C": 100.0}}
    train = {"models": ["svm", "ridge", "hard"], "named": named}
    run, _ = run_all(folder, clips, train=train)
    assert run.model_path("svm").read_bytes() == before
    assert set(read_json(run.evaluation_path)["models"]) == {"svm", "ridge", "hard"}


def test_a_trained_models_settings_may_not_change(tmp_path, clips):
    from dfhpc.errors import SettingsMismatchError

    folder = tmp_path / "run"
    run_all(folder, clips, train={"models": ["svm"]})
    with pytest.raises(SettingsMismatchError, match=r"train\.svm\.C is 1\.0 there"):
        run_all(folder, clips, train={"models": ["svm"], "svm": {"C": 2.0}})
