"""Models on features: they keep the contract, and their settings what they say."""

import numpy as np
import pytest

from dfhpc.config import Settings
from dfhpc.errors import ConfigError, ModelError
from dfhpc.model_configs import LogisticRegressionConfig, RandomForestConfig, SvmConfig
from dfhpc.models.base import TrainingRows, get_trainer, is_on_features, load_model
from dfhpc.models.feature_model import FeatureModel
from dfhpc.models.feature_scorers import LinearScorer
from dfhpc.recipes import parse_model_config, parse_settings
from tests.models.contract import TRAIN_ROWS, ModelContract, prepare
from tests.models.textured_faces import Counting, faces

__all__ = ["faces"]


class TestSvm(ModelContract):
    name = "svm_spectrum"
    config = SvmConfig(features="spectrum")


class TestForest(ModelContract):
    name = "forest_spectrum"
    config = RandomForestConfig(features="spectrum", num_trees=20)


class TestLogisticRegressionOnResiduals(ModelContract):
    name = "logistic_residual"
    config = LogisticRegressionConfig(features="residual")


def test_kept_features_and_pixels_give_the_same_scores(tmp_path, faces):
    contract = TestSvm()
    run = contract.train(tmp_path / "run", faces)
    model = load_model(run, contract.name)
    stored = model.score_stored(run, TRAIN_ROWS)
    np.testing.assert_array_equal(stored, model.score(faces[0][TRAIN_ROWS]))
    # The store says of no row that it has a face, so that others are not known.
    assert model.score_stored(run, np.array([1])) is None


def test_the_fit_alone_is_left_where_features_are_kept(tmp_path, faces):
    contract = TestSvm()
    run = contract.train(tmp_path / "run", faces)
    prepare(run, TrainingRows(TRAIN_ROWS, faces[1][TRAIN_ROWS]), "again")
    pool = Counting()
    get_trainer("again", SvmConfig(features="spectrum", C=2.0)).train(
        run, pool, lambda step: None
    )
    assert pool.names == ["again-fit"]


def test_a_model_of_other_features_is_refused(tmp_path):
    scorer = LinearScorer(np.ones(226), 0.0)
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
