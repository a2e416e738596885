"""A search on folds: by group, resumable, and the best of it is what is trained."""

import json

import numpy as np
import pytest

from dfhpc import pipeline
from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from dfhpc.errors import ConfigError, IncompleteStageError, SplitError, StoppedError
from dfhpc.model_configs import LogisticRegressionConfig, RandomForestConfig, SvmConfig
from dfhpc.models.base import TrainingRows
from dfhpc.models.trials import families
from dfhpc.recipes import parse_settings
from dfhpc.reporting.search_table import search_text
from dfhpc.runs import read_json
from dfhpc.search_config import SearchConfig
from dfhpc.stages.search import make_folds
from dfhpc.status import read_status
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK
from tests.stages.test_whole_run import run_all

# Few and coarse: what is sought is not the best model but the right bookkeeping.
GRIDS = {
    "svm": {"C": [1e-9, 1.0], "gamma": ["scale", 1e-7]},
    "logistic_regression": {"C": [1e-9, 1e-3]},
    "random_forest": {"num_trees": [2, 4], "max_depth": [1, 6]},
    "sgd": {"alpha": [1e-3, 1e-1]},
}
SEARCH = {"folds": 2, "grids": GRIDS}
# With a smaller test part, the four groups leave enough for folds.
SPLIT = {"test_share": 0.25, "calibration_share": 0.0}


@pytest.fixture(scope="module")
def searched(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("searched") / "run"
    return run_all(folder, clips, search=SEARCH, split=SPLIT)


def test_every_combination_is_measured_on_every_fold(searched):
    run, _ = searched
    for name, grid in GRIDS.items():
        found = read_json(run.search_path(name))
        count = int(np.prod([len(values) for values in grid.values()]))
        assert len(found["candidates"]) == count
        tried = [tuple(c["settings"].values()) for c in found["candidates"]]
        assert len(set(tried)) == count
        for candidate in found["candidates"]:
            for measure in ("accuracy", "roc_auc"):
                assert len(candidate[measure]) == 2
                assert all(0 <= value <= 1 for value in candidate[measure])


def test_the_best_is_trained(searched):
    run, _ = searched
    for name in GRIDS:
        found = read_json(run.search_path(name))
        means = [np.mean(c["accuracy"]) for c in found["candidates"]]
        assert found["best"] == int(np.argmax(means))
        card = read_json(run.model_path(name))
        best = found["candidates"][found["best"]]["settings"]
        assert {key: card["model"][key] for key in best} == best


def test_scores_are_those_of_the_models_trained_alone(searched, tmp_path):
    """The fold's scores of an SVM equal scikit-learn's on the fold's rows."""
    from sklearn.metrics import accuracy_score
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    run, settings = searched
    reader = RowReader(run.store_path)
    training = TrainingRows.load(run.model_dir("svm") / "training_rows.npz")
    pixels = np.concatenate([p for _, p in reader.iter_partitions(training.rows)])
    # As the search does: scaled by the whole training part, without its labels.
    rows = StandardScaler().fit_transform(pixels.astype(np.float64))
    found = read_json(run.search_path("svm"))
    folds = make_folds(run, settings, training, reader)
    for candidate in found["candidates"]:
        for number, (fit, held_out) in enumerate(folds):
            gamma = candidate["settings"]["gamma"]
            changing = int((rows.var(axis=0) > 0).sum())
            rival = SVC(
                C=candidate["settings"]["C"],
                gamma=1 / changing if gamma == "scale" else gamma,
                class_weight="balanced",
            ).fit(rows[fit], training.labels[fit])
            called = rival.predict(rows[held_out])
            expected = accuracy_score(training.labels[held_out], called)
            assert candidate["accuracy"][number] == pytest.approx(expected, abs=0.051)


def test_folds_share_no_group_and_cover_all_rows(searched):
    run, settings = searched
    reader = RowReader(run.store_path)
    training = TrainingRows.load(run.model_dir("svm") / "training_rows.npz")
    videos = read_manifest(run.manifest_path)
    size = reader.layout.frames_per_video
    groups = np.array([videos[row // size].group_id for row in training.rows])
    folds = make_folds(run, settings, training, reader)
    assert sorted(np.concatenate([h for _, h in folds])) == list(range(len(groups)))
    for fit, held_out in folds:
        assert not set(groups[fit]) & set(groups[held_out])


def test_tables_pictures_and_status_tell_of_it(searched):
    from PIL import Image

    run, _ = searched
    results = pipeline.result(run, "search")
    text = search_text(results)
    for name in GRIDS:
        assert f"Search {name}" in text
        with Image.open(run.search_dir / f"{name}.png") as picture:
            assert picture.size[0] > 400
    assert text.count("best accuracy") == len(GRIDS)
    stages = {stage["stage"]: stage for stage in read_status(run)["stages"]}
    assert stages["search"]["state"] == "done"
    assert stages["search"]["total"] == len(GRIDS)


def test_nothing_of_the_trials_is_left(searched):
    run, _ = searched
    assert not list(run.models_dir.glob("*/search"))


def test_a_stopped_search_goes_on_and_ends_the_same(
    searched, tmp_path, clips, monkeypatch
):
    folder = tmp_path / "stopped"
    stages = ("scan", "extract")
    run, settings = run_all(folder, clips, stages, search=SEARCH, split=SPLIT)
    submit, names = InlinePool.submit, []

    def counting(pool, name, function, args):
        names.append(name.rsplit("-", 1)[0])
        if len(names) % 9 == 0:
            signals.request_stop()
        return submit(pool, name, function, args)

    monkeypatch.setattr(InlinePool, "submit", counting)
    for _ in range(40):
        try:
            pipeline.run_stages(run, settings, ("search",), lambda stage, result: None)
            break
        except StoppedError:
            signals.reset()
    trials = [name for name in names if "search-fold" in name]
    assert len(trials) == len(set(trials))
    for name in GRIDS:
        expected = searched[0].search_path(name).read_bytes()
        assert run.search_path(name).read_bytes() == expected


def test_too_few_groups_for_the_folds_are_refused(tmp_path, clips):
    with pytest.raises(SplitError, match=r"do not give 9 folds.*search\.folds lower"):
        run_all(tmp_path / "run", clips, search={"folds": 9, "grids": GRIDS})
    # Not after hours of extraction.
    assert not (tmp_path / "run" / "faces.zarr").exists()


def test_training_before_the_search_is_refused(tmp_path, clips):
    stages = ("scan", "extract", "train")
    with pytest.raises(IncompleteStageError, match="dfhpc search"):
        run_all(tmp_path / "run", clips, stages, search=SEARCH, split=SPLIT)


@pytest.mark.parametrize(
    ("grids", "message"),
    [
        ({"ridge": {"alpha": [1.0]}}, "for no model that is trained"),
        ({"svm": {"c": [1.0]}}, r"svm\.c is no setting of svm; known: C,"),
        ({"svm": {"C": []}}, "at least 1 item"),
        ({"svm": {"C": [-1.0]}}, "greater than 0"),
        ({"svm": {"kind": ["sgd"]}}, "is no setting of svm"),
        ({"svm": {"gamma": ["foo"]}}, r"gamma holds 'foo'; .*'scale' or 'auto'"),
        ({"svm": {"C": 1.0}}, r"grids\.svm\.C = 1\.0 is wrong: should be a list"),
    ],
)
def test_wrong_grids_get_one_sentence(grids, message):
    raw = {**QUICK, "data": {"path": "x"}, "search": {"grids": grids}}
    with pytest.raises(ConfigError, match=message) as caught:
        parse_settings(raw, "recipe")
    assert "\n" not in str(caught.value)


def test_families_share_the_costly_part():
    svms = [SvmConfig(C=c, gamma=g) for g in (1e-6, 1e-7) for c in (1.0, 10.0)]
    assert [f.places for f in families(svms)] == [(0, 1), (2, 3)]
    forests = [
        RandomForestConfig(num_trees=n, max_depth=d) for n in (5, 9) for d in (1, 2)
    ]
    assert [f.places for f in families(forests)] == [(0, 2), (1, 3)]
    logistic = [LogisticRegressionConfig(C=c) for c in (1, 2, 3)]
    assert [f.places for f in families(logistic)] == [(0, 1, 2)]


def test_without_grids_there_is_no_search(tmp_path, clips):
    run, settings = run_all(tmp_path / "run", clips, ("scan", "extract"))
    assert settings.search == SearchConfig()
    assert not pipeline.run_stages(run, settings, ("search",), lambda *_: None)
    assert json.dumps(pipeline.result(run, "search")) == "{}"
