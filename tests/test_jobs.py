"""Every recipe in jobs/ can be run, and those of work B's runs say what it got."""

from pathlib import Path

import pytest

from dfhpc.model_configs import CnnConfig, RandomForestConfig, SvmConfig
from dfhpc.recipes import load_recipe, parse_settings

JOBS = Path(__file__).resolve().parents[1] / "jobs"
OWN = {"cnn", "features"}
"""Recipes that repeat none of work B's runs; the network is work A's."""
RECIPES = sorted(path for path in JOBS.glob("*.toml") if path.stem not in OWN)


def settings_of(path):
    return parse_settings(load_recipe(path), str(path))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_repeat_work_b_and_show_the_leak(path):
    settings = settings_of(path)
    assert settings.split.kind == "random_rows"
    assert settings.split.beside == "group"
    assert settings.data.path is None
    head = path.read_text().split("[data]")[0]
    for said in ("LEAKY", f"dfhpc run jobs/{path.stem}.toml", "group"):
        assert said in head
    if path.stem != "debug":
        assert " s" in head
        assert " MB" in head


def test_each_run_of_work_b_has_a_recipe():
    names = {path.stem for path in RECIPES}
    expected = {"svm_c1", "svm_c001", "logistic_regression", "random_forest_80_20"}
    expected |= {"random_forest_75_25", "random_forest_grid", "overnight", "debug"}
    assert names == expected


def test_features_are_compared_with_pixels_on_people_kept_apart():
    settings = settings_of(JOBS / "features.toml")
    assert settings.split.kind == "group"
    configs = [settings.train.settings_of(name) for name in settings.train.models]
    trained = {(config.kind, config.features) for config in configs}
    kinds = ("svm", "logistic_regression", "random_forest")
    features = ("pixels", "spectrum", "residual")
    assert trained == {(kind, each) for kind in kinds for each in features}
    for config in configs:
        assert config == type(config)(features=config.features)


def test_settings_are_work_bs():
    svm = settings_of(JOBS / "svm_c001.toml").train.settings_of("svm_c001")
    assert svm == SvmConfig(C=0.01, gamma="scale", standardize=True, balanced=False)
    forest = settings_of(JOBS / "random_forest_75_25.toml")
    assert forest.split.test_share == 0.25
    expected = RandomForestConfig(num_trees=100, balanced=False)
    assert forest.train.settings_of("random_forest") == expected
    grid = settings_of(JOBS / "random_forest_grid.toml").search
    assert grid.grids == {"random_forest": {"num_trees": (100, 500, 1000, 2000)}}


def test_overnight_is_all_others_together():
    overnight = settings_of(JOBS / "overnight.toml")
    for stem, name in (
        ("svm_c1", "svm_c1"),
        ("svm_c001", "svm_c001"),
        ("logistic_regression", "logistic_regression"),
        ("random_forest_80_20", "random_forest"),
    ):
        alone = settings_of(JOBS / f"{stem}.toml")
        assert overnight.train.settings_of(name) == alone.train.settings_of(name)
        for section in ("data", "extract", "split"):
            assert getattr(overnight, section) == getattr(alone, section)
    debug = settings_of(JOBS / "debug.toml")
    assert debug.train.models == overnight.train.models
    assert debug.data.max_videos == 286


def test_the_network_is_work_as_under_an_honest_split():
    settings = settings_of(JOBS / "cnn.toml")
    expected = CnnConfig(scaling="unit", balanced=False)
    assert settings.train.settings_of("cnn") == expected
    assert settings.split.kind == "group"
    assert (settings.extract.policy, settings.extract.per_second) == ("per_second", 2)
    assert settings.data.path is None
