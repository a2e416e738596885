"""Models on features: every kind keeps the contract, as scikit-learn would have it."""

import numpy as np
import pytest

from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from dfhpc.config import Settings
from dfhpc.errors import ConfigError, ModelError, StoppedError
from dfhpc.model_configs import (
    LogisticRegressionConfig,
    RandomForestConfig,
    RidgeConfig,
    SgdConfig,
    SvmConfig,
)
from dfhpc.models import feature_rows
from dfhpc.models.base import TrainingRows, get_trainer, is_on_features, load_model
from dfhpc.models.feature_fit import fit_forest, fit_scorer, from_arrays, to_arrays
from dfhpc.models.feature_model import FeatureModel
from dfhpc.models.feature_rows import ensure_features, folder_of, read_features
from dfhpc.models.spectrum import compute_features
from dfhpc.recipes import parse_model_config, parse_settings
from dfhpc.runs import RunDirectory, read_json, sweep_partial
from tests.models.contract import (
    FRAMES,
    NUM_VIDEOS,
    TRAIN_ROWS,
    ModelContract,
    make_run,
    prepare,
)

SIDE = 320


@pytest.fixture(scope="session")
def faces():
    """Return faces of two classes: the noise of one was drawn at half the resolution.

    Each pixel by itself is distributed alike in both, with the same mean, so that only
    how neighbours go together tells the classes apart, as after an up-convolution.
    """
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(NUM_VIDEOS) % 2, FRAMES).astype(np.int8)
    y, x = np.mgrid[:SIDE, :SIDE]
    smooth = 40 * np.cos(2 * np.pi * (x + y) / SIDE)
    rows = np.empty((len(labels), SIDE * SIDE * 3), np.uint8)
    for row, label in zip(rows, labels, strict=True):
        size = SIDE // 2 if label else SIDE
        noise = rng.normal(0, 1.5, (size, size, 3))
        if label:
            noise = noise.repeat(2, axis=0).repeat(2, axis=1)
        plane = 120 + rng.uniform(-20, 20) + smooth
        row[:] = np.rint(plane[..., None] + noise).astype(np.uint8).ravel()
    return rows, labels


class OnFeatures(ModelContract):
    """The contract, on features."""


class TestSvm(OnFeatures):
    name = "svm_spectrum"
    config = SvmConfig(features="spectrum")


class TestForest(OnFeatures):
    name = "forest_spectrum"
    config = RandomForestConfig(features="spectrum", num_trees=20)


class TestLogisticRegressionOnResiduals(OnFeatures):
    name = "logistic_residual"
    config = LogisticRegressionConfig(features="residual")


@pytest.fixture(scope="module")
def values(faces):
    return compute_features("spectrum", faces[0])


@pytest.fixture(scope="module")
def training(faces):
    return TrainingRows(np.asarray(TRAIN_ROWS, np.int64), faces[1][TRAIN_ROWS])


CONFIGS = [
    SvmConfig(),
    SvmConfig(kernel="linear", standardize=False, balanced=False),
    SvmConfig(gamma="auto", C=0.3),
    SvmConfig(gamma=0.01),
    LogisticRegressionConfig(C=0.1),
    LogisticRegressionConfig(C=0.1, standardize=False, balanced=False),
    LogisticRegressionConfig(C=0.1, penalize_intercept=True),
    RidgeConfig(alpha=10.0),
    RandomForestConfig(num_trees=10),
    SgdConfig(),
    SgdConfig(loss="hinge", balanced=False),
]


def rival_of(config):
    """Return what a user of scikit-learn would write for these settings."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.svm import SVC

    weight = "balanced" if config.balanced else None
    if config.kind == "random_forest":
        return RandomForestClassifier(10, class_weight=weight, random_state=42)
    scaler = StandardScaler()
    if config.kind == "sgd":
        loss = "log_loss" if config.loss == "logistic" else "hinge"
        model = SGDClassifier(
            loss=loss,
            alpha=1e-3,
            max_iter=10,
            tol=None,
            class_weight=weight,
            random_state=0,
        )
        shrink = FunctionTransformer(lambda rows: rows / np.sqrt(rows.shape[1]))
        return make_pipeline(scaler, shrink, model)
    if config.kind == "svm":
        model = SVC(
            kernel=config.kernel, C=config.C, gamma=config.gamma, class_weight=weight
        )
    elif config.kind == "ridge":
        model = RidgeClassifier(config.alpha, class_weight=weight)
    elif config.penalize_intercept:
        model = LogisticRegression(
            C=config.C, solver="liblinear", tol=1e-9, class_weight=weight
        )
    else:
        model = LogisticRegression(
            C=config.C, tol=1e-9, max_iter=10_000, class_weight=weight
        )
    return make_pipeline(scaler, model) if config.standardize else model


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_scores_are_those_of_scikit_learn(config, values, training):
    from scipy.special import expit

    rows = values.astype(np.float64)
    rival = rival_of(config).fit(rows[TRAIN_ROWS], training.labels)
    if config.kind == "random_forest":
        expected = rival.predict_proba(values)[:, 1]
    else:
        expected = expit(rival.decision_function(rows))
    scorer = fit_scorer(values[TRAIN_ROWS], training, config)
    np.testing.assert_allclose(scorer.score(values), expected, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS[:9], ids=str)
def test_arrays_hold_all_of_a_scorer(config, values, training):
    scorer = fit_scorer(values[TRAIN_ROWS], training, config)
    arrays = {name: np.asarray(array) for name, array in to_arrays(scorer).items()}
    again = from_arrays(arrays)
    np.testing.assert_array_equal(again.score(values), scorer.score(values))


def test_a_forest_begins_with_the_trees_of_a_smaller_one(values, training):
    large, small = (
        fit_forest(values[TRAIN_ROWS], training, RandomForestConfig(num_trees=count))
        for count in (8, 3)
    )
    np.testing.assert_array_equal(
        large.score_steps(values, [3, 8])[0], small.score(values)
    )


def test_columns_that_never_change_do_no_harm(values, training):
    dull = np.concatenate([np.full((len(values), 3), 7, np.float32), values], axis=1)
    for config in (CONFIGS[0], CONFIGS[4], CONFIGS[7], CONFIGS[9]):
        scores = fit_scorer(dull[TRAIN_ROWS], training, config).score(dull)
        assert np.isfinite(scores).all()


def test_a_fit_that_does_not_converge_says_so(values, training):
    config = LogisticRegressionConfig(C=1e6, max_iterations=1)
    with pytest.raises(ModelError, match="not converged in 1 steps; lower C"):
        fit_scorer(values[TRAIN_ROWS], training, config)


def test_the_spectrum_finds_what_the_mean_of_pixels_does_not_show(faces, values):
    """The same machine on people it has not seen: on pixels it finds little."""
    from sklearn.metrics import roc_auc_score
    from sklearn.svm import SVC

    rows, labels = faces
    fit, others = np.arange(36), np.arange(36, 72)
    pixels = rows.astype(np.float32) - rows[fit].mean(axis=0, dtype=np.float32)
    gram = pixels @ pixels[fit].T
    machine = SVC(kernel="precomputed").fit(gram[fit], labels[fit])
    assert roc_auc_score(labels[others], machine.decision_function(gram[others])) < 0.8
    half = TrainingRows(fit, labels[fit])
    scorer = fit_scorer(values[fit], half, SvmConfig(kernel="linear"))
    assert roc_auc_score(labels[others], scorer.score(values[others])) > 0.95


def test_kept_features_and_pixels_give_the_same_scores(tmp_path, faces):
    contract = TestSvm()
    run = contract.train(tmp_path / "run", faces)
    model = load_model(run, contract.name)
    stored = model.score_stored(run, TRAIN_ROWS)
    np.testing.assert_array_equal(stored, model.score(faces[0][TRAIN_ROWS]))
    # The store says of no row that it has a face, so that others are not known.
    assert model.score_stored(run, np.array([1])) is None


class Counting(InlinePool):
    """Counts units, and asks for a stop while the one of that number is made."""

    def __init__(self, stop_at=0):
        self.names = []
        self.stop_at = stop_at

    def submit(self, name, function, args):
        self.names.append(name.rsplit("-", 1)[0])
        if len(self.names) == self.stop_at:
            signals.request_stop()
        return super().submit(name, function, args)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def run_of_faces(tmp_path, faces):
    run, training = make_run(tmp_path / "run", faces, TRAIN_ROWS)
    return run, training.rows


class TestFeatureRows:
    def test_each_partition_is_a_unit_and_none_is_done_twice(self, run_of_faces):
        run, rows = run_of_faces
        pool = Counting()
        ensure_features(run, pool, "spectrum", rows)
        assert pool.names == [f"spectrum-{i:06d}" for i in range(6)]
        ensure_features(run, pool, "spectrum", rows)
        assert len(pool.names) == 6

    def test_what_is_read_is_what_the_pixels_give(self, run_of_faces, faces):
        run, rows = run_of_faces
        assert read_features(run, "residual", rows) is None
        ensure_features(run, InlinePool(), "residual", rows)
        some = rows[[0, 5, 40]]
        found = read_features(run, "residual", some)
        assert found.dtype == np.float32
        expected = compute_features("residual", faces[0][some])
        np.testing.assert_array_equal(found, expected)

    def test_stopped_and_resumed_does_the_rest_alone(
        self, run_of_faces, tmp_path, faces
    ):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        other, _ = make_run(tmp_path / "stopped", faces, TRAIN_ROWS)
        with pytest.raises(StoppedError):
            ensure_features(other, Counting(stop_at=4), "spectrum", rows)
        signals.reset()
        assert read_features(other, "spectrum", rows) is None
        pool = Counting()
        ensure_features(other, pool, "spectrum", rows)
        assert pool.names == ["spectrum-000004", "spectrum-000005"]
        ours, theirs = (files_of(folder_of(each, "spectrum")) for each in (run, other))
        assert ours == theirs

    def test_a_file_without_its_mark_or_its_values_is_made_again(self, run_of_faces):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        folder = folder_of(run, "spectrum")
        before = files_of(folder)
        for name in ("finished.json", "000001.json", "000003.npz"):
            (folder / name).unlink()
        (folder / ".000003.npz.0.partial").write_bytes(b"half")
        sweep_partial(run)
        pool = Counting()
        ensure_features(run, pool, "spectrum", rows)
        assert pool.names == ["spectrum-000001", "spectrum-000003"]
        assert files_of(folder) == before

    @pytest.mark.parametrize("change", ["store", "rows", "version"])
    def test_stale_features_are_not_read_and_made_anew(
        self, run_of_faces, change, monkeypatch
    ):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        if change == "store":
            monkeypatch.setattr(feature_rows.RowReader, "identity", "another")
        elif change == "rows":
            rows = rows[:-1]
        else:
            monkeypatch.setattr(feature_rows, "FEATURES_VERSION", 2)
        if change != "rows":
            assert read_features(run, "spectrum", rows) is None
        pool = Counting()
        ensure_features(run, pool, "spectrum", rows)
        assert len(pool.names) == 6
        assert len(read_features(run, "spectrum", rows)) == len(rows)

    def test_damaged_features_are_an_error(self, run_of_faces):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        (folder_of(run, "spectrum") / "000002.npz").write_bytes(b"none")
        with pytest.raises(ModelError, match="is damaged"):
            read_features(run, "spectrum", rows)


def test_the_fit_alone_is_left_where_features_are_kept(tmp_path, faces):
    contract = TestSvm()
    run = contract.train(tmp_path / "run", faces)
    prepare(run, TrainingRows(TRAIN_ROWS, faces[1][TRAIN_ROWS]), "again")
    pool = Counting()
    get_trainer("again", SvmConfig(features="spectrum", C=2.0)).train(
        run, pool, lambda step: None
    )
    assert pool.names == ["again-fit"]


def test_a_model_of_other_features_is_refused(tmp_path, values, training):
    scorer = fit_scorer(values[TRAIN_ROWS], training, RidgeConfig())
    path = tmp_path / "m" / "on_features.npz"
    FeatureModel("spectrum", scorer).save(path)
    with pytest.raises(ModelError, match="takes spectrum features of version 1"):
        FeatureModel.load(path, "residual")


class TestSettings:
    def test_settings_without_the_key_are_of_pixels(self):
        old = {"kind": "svm", "C": 2.0}
        config = parse_model_config(old, "model.json")
        assert config.features == "pixels"
        assert not is_on_features(config)

    def test_a_recipe_names_them(self):
        named = {"svm_spectrum": {"kind": "svm", "features": "spectrum"}}
        raw = {"train": {"models": ["svm", "svm_spectrum"], "named": named}}
        settings = parse_settings(raw, "recipe")
        assert isinstance(settings, Settings)
        assert settings.train.settings_of("svm_spectrum").features == "spectrum"

    @pytest.mark.parametrize(
        ("name", "table", "told"),
        [
            ("svm", {"features": "hog"}, "features = 'hog' is wrong"),
            (
                "random_forest",
                {"features": "spectrum", "columns_per_tree": 9},
                "columns_per_tree means something for pixels alone; leave it out",
            ),
            ("sgd", {"features": "residual", "batch_rows": 16}, "batch_rows means"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, name, table, told):
        with pytest.raises(ConfigError, match=told):
            parse_settings({"train": {name: table}}, "recipe")


def test_memory_is_projected():
    num_rows, shard = 14_000, 34_406_400
    spectrum = get_trainer("m", SvmConfig(features="spectrum"))
    assert 0.5e9 < spectrum.project_bytes(num_rows, shard) < 1.0e9
    pixels = get_trainer("m", SvmConfig())
    assert spectrum.project_bytes(num_rows, shard) < pixels.project_bytes(
        num_rows, shard
    )


def test_a_damaged_mark_counts_as_none(run_of_faces):
    run, rows = run_of_faces
    ensure_features(run, InlinePool(), "spectrum", rows)
    path = folder_of(run, "spectrum") / "finished.json"
    path.write_text("{")
    assert read_features(run, "spectrum", rows) is None
    pool = Counting()
    ensure_features(RunDirectory(run.path), pool, "spectrum", rows)
    assert pool.names == []
    assert read_json(path)["format_version"]
