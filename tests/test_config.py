from pathlib import Path

import pytest

from dfhpc.config import Settings
from dfhpc.errors import ConfigError, SettingsMismatchError
from dfhpc.recipes import (
    load_recipe,
    parse_override,
    parse_settings,
    refuse_difference,
    with_overrides,
)

RECIPES = sorted(Path("jobs").glob("*.toml"))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"extract": {"strde": 3}},
            r"r\.toml: unknown key extract\.strde; \[extract\] kn",
        ),
        ({"trian": {}}, "unknown key trian; the recipe knows cluster, data, extract"),
        (
            {"train": {"sgd": {"c": 1}}},
            r"unknown key train\.sgd\.c; \[train\.sgd\] knows",
        ),
        (
            {"extract": {"stride": 0}},
            r"extract\.stride = 0 is wrong: .* greater than 0",
        ),
        (
            {"extract": {"detector": "x"}},
            "should be 'mtcnn', 'mtcnn_reference' or 'haar'",
        ),
        ({"train": {"models": []}}, r"train\.models = \[\] is wrong"),
        ({"extract": 3}, "extract = 3 is wrong"),
        ({"extract": {"stride": True}}, r"extract\.stride = True is wrong"),
        ({"extract": {"per_second": "x"}}, r"extract\.per_second = 'x' is wrong"),
        ({"extract": {"policy": "per_second"}}, "needs frames_per_video too"),
        ({"train": {"sgd": {"alpha": float("inf")}}}, "finite number"),
        (
            {"cluster": {"walltime": 8}},
            r'cluster\.walltime = 8 is wrong: 8 has no unit; write a time as "8h"',
        ),
        ({"cluster": {"worker_walltime": 8}}, r"worker_walltime = 8 is .* no unit"),
        ({"cluster": {"signal_before": 1.5}}, r"signal_before = 1\.5 is .* no unit"),
        (
            {"cluster": {"memory_limit": 4}},
            r'4 bytes are too few .* 256 MiB; write memory with its unit, as "4GiB"',
        ),
        ({"cluster": {"driver_memory": "200MB"}}, "200000000 bytes are too few"),
        ({"train": {"sgd": {"seed": -1}}}, "greater than or equal to 0"),
        ({"train": {"models": ["sgd", "sgd"]}}, "named twice"),
        ({"train": {"models": ["cnn2"]}}, "there is no model cnn2; known: svm"),
        ({"split": {"test_share": 0.95}}, "leave nothing to train on"),
        ({"split": {"kind": "official_strict"}}, "needs files"),
        ({"split": {"beside": "group"}}, "the split's own kind"),
        ({"train": {"named": {"a": {"C": 1}}}}, r"train\.named\.a\] lacks kind"),
        (
            {"train": {"named": {"a": {"kind": "svm", "D": 1}}}},
            r"unknown key train\.named\.a\.D; \[train\.named\.a\] knows C,",
        ),
        (
            {"train": {"named": {"a": {"kind": "svm", "C": 0}}}},
            r"train\.named\.a\.C = 0 is wrong: should be greater than 0",
        ),
        ({"train": {"named": {"a/b": {"kind": "svm"}}}}, "may not be called a/b"),
    ],
)
def test_wrong_recipes_get_one_sentence(raw, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_settings(raw, "r.toml")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_settings_are_frozen_and_survive_json():
    settings = parse_settings({"extract": {"per_second": "all"}}, "r")
    with pytest.raises(ValueError, match="frozen"):
        settings.data.order_seed = 1
    assert parse_settings(settings.to_json(), "r") == settings


def test_defaults_are_what_a_newcomer_wants():
    settings = Settings()
    assert settings.extract.frames_per_video == 7
    assert settings.extract.detector == "mtcnn"
    assert settings.split.kind == "group"
    assert set(settings.train.models) == {
        "svm",
        "logistic_regression",
        "random_forest",
    }


def test_overrides():
    raw = {"extract": {"stride": 3, "detector": "haar"}}
    merged = with_overrides(raw, {"extract.stride": 9, "split.seed": 1})
    assert merged == {
        "extract": {"stride": 9, "detector": "haar"},
        "split": {"seed": 1},
    }
    assert raw["extract"]["stride"] == 3
    assert parse_override('data.methods=["A", "B"]') == ("data.methods", ["A", "B"])
    assert parse_override("a = true") == ("a", True)
    for text in ("a", "=1"):
        with pytest.raises(ConfigError, match="KEY=VALUE"):
            parse_override(text)


def test_differences_are_named_and_the_cluster_may_differ():
    one = parse_settings({"extract": {"stride": 3}, "cluster": {"workers": 1}}, "r")
    other = parse_settings({"extract": {"stride": 4}, "split": {"seed": 9}}, "r")
    with pytest.raises(SettingsMismatchError) as caught:
        refuse_difference(one, other, Path("runs/x"))
    message = str(caught.value)
    assert "extract.stride is 3 there and 4 now" in message
    assert "split.seed is 42 there and 9 now" in message
    assert "cluster" not in message
    refuse_difference(one, one.model_copy(update={"cluster": other.cluster}), Path("x"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_parse(path):
    parse_settings(load_recipe(path), str(path))


def test_there_are_recipes():
    assert RECIPES


def test_recipes_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_recipe(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("[extract\n")
    with pytest.raises(ConfigError, match="not readable TOML"):
        load_recipe(tmp_path / "bad.toml")
    with pytest.raises(ConfigError, match="is a folder and no recipe"):
        load_recipe(tmp_path)
