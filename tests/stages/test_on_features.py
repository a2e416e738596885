"""A whole run with models on features: searched, trained, evaluated."""

import numpy as np
import pytest

from dfhpc import pipeline
from dfhpc.cluster.inline import InlinePool
from dfhpc.models.base import TrainingRows, load_model
from dfhpc.models.feature_fit import fit_scorer
from dfhpc.models.feature_rows import read_features
from dfhpc.runs import read_json
from dfhpc.stages.search import make_folds
from dfhpc.store.reading import RowReader
from tests.stages.test_whole_run import run_all

NAMED = {
    "svm_spectrum": {"kind": "svm", "features": "spectrum"},
    "forest_residual": {
        "kind": "random_forest",
        "features": "residual",
        "num_trees": 6,
    },
    "ridge_any": {"kind": "ridge"},
}
GRIDS = {
    "svm_spectrum": {"C": [1e-9, 1.0], "kernel": ["rbf", "linear"]},
    "forest_residual": {"num_trees": [2, 5]},
    # Which rows to learn from is a setting like any other.
    "ridge_any": {"features": ["spectrum", "residual"]},
}
SECTIONS = {
    "train": {"models": list(NAMED), "named": NAMED},
    "search": {"folds": 2, "grids": GRIDS},
    "split": {"test_share": 0.25, "calibration_share": 0.0},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, clips):
    """Return a run, its settings, and the names of the units that were done."""
    submit, names = InlinePool.submit, []

    def counting(pool, name, function, args):
        names.append(name.rsplit("-", 1)[0])
        return submit(pool, name, function, args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InlinePool, "submit", counting)
        folder = tmp_path_factory.mktemp("on_features") / "run"
        run, settings = run_all(folder, clips, **SECTIONS)
    return run, settings, names


def test_features_are_made_once_and_pixels_are_not_read_again(finished):
    run, _, names = finished
    count = RowReader(run.store_path).layout.num_partitions
    for kind in ("spectrum", "residual"):
        assert [name.startswith(f"{kind}-0") for name in names].count(True) == count
    assert not run.gram_path.exists()
    scored = [name for name in names if name.startswith("score-")]
    assert scored == [f"score-{name}" for name in NAMED]


def test_all_models_stand_in_the_evaluation(finished):
    run, *_ = finished
    models = read_json(run.evaluation_path)["models"]
    assert list(models) == list(NAMED)
    for found in models.values():
        assert 0 <= found["test"]["video"]["roc_auc"] <= 1


def test_every_combination_is_searched(finished):
    run, *_ = finished
    for name, grid in GRIDS.items():
        found = read_json(run.search_path(name))
        count = int(np.prod([len(values) for values in grid.values()]))
        assert len(found["candidates"]) == count
        best = found["candidates"][found["best"]]["settings"]
        card = read_json(run.model_path(name))["model"]
        assert {key: card[key] for key in best} == best


def test_a_fold_is_scored_by_a_model_of_its_other_rows(finished):
    run, settings, _ = finished
    reader = RowReader(run.store_path)
    training = TrainingRows.load(run.model_dir("forest_residual") / "training_rows.npz")
    values = read_features(run, "residual", training.rows)
    found = read_json(run.search_path("forest_residual"))
    for config, candidate in zip(
        settings.candidates("forest_residual"), found["candidates"], strict=True
    ):
        folds = make_folds(run, settings, training, reader)
        for number, (fit, held_out) in enumerate(folds):
            part = TrainingRows(training.rows[fit], training.labels[fit])
            scores = fit_scorer(values[fit], part, config).score(values[held_out])
            accuracy = np.mean((scores > 0.5) == training.labels[held_out])
            assert candidate["accuracy"][number] == pytest.approx(accuracy)


def test_pixels_of_stored_rows_give_the_scores_of_their_features(finished):
    run, *_ = finished
    reader = RowReader(run.store_path)
    rows = np.flatnonzero(np.asarray(reader.array("valid"), bool))[:5]
    pixels = np.concatenate([part for _, part in reader.iter_partitions(rows)])
    for name in NAMED:
        model = load_model(run, name)
        np.testing.assert_array_equal(
            model.score(pixels), model.score_stored(run, rows)
        )


def test_a_finished_run_has_nothing_to_do(finished):
    run, settings, names = finished
    before = len(names)
    stages = pipeline.STAGES
    assert not pipeline.run_stages(run, settings, stages, lambda stage, result: None)
    assert len(names) == before
