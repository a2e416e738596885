"""What a report says to type gives the settings that the run had."""

import shlex
import tomllib

import pytest

from dfhpc import pipeline
from dfhpc.recipes import load_recipe, parse_override, parse_settings, with_overrides
from dfhpc.reproducing import as_recipe, changed_settings, option_value

CASES = {
    "default": {},
    "odd strings": {
        "data": {"layout": "ffpp", "methods": ["true", 'a "b" é']},
        "extract": {"detector": "haar", "margin": 0.25},
    },
    "per second": {"extract": {"policy": "per_second", "frames_per_video": 7}},
    "named, searched": {
        "split": {"kind": "random_rows", "beside": "group"},
        "train": {
            "models": ["mild", "random_forest"],
            "named": {"mild": {"kind": "svm", "C": 1e-6, "balanced": False}},
        },
        "search": {"grids": {"mild": {"C": [0.5, 1.0]}}},
        "cluster": {"workers": 0},
    },
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def settings(request):
    raw = dict(request.param)
    raw["data"] = {"path": "/vi deos", **raw.get("data", {})}
    return parse_settings(raw, "test")


def _results(settings):
    return settings.model_dump(exclude={"cluster"})


def test_options_give_the_same_settings(settings):
    changed = changed_settings(settings)
    # Through a shell, as a user pastes them.
    line = " ".join(shlex.quote(f"{k}={option_value(v)}") for k, v in changed.items())
    given = dict(map(parse_override, shlex.split(line)))
    raw = with_overrides({"data": {"path": "/vi deos"}}, given)
    assert _results(parse_settings(raw, "options")) == _results(settings)


def test_a_recipe_gives_the_same_settings(settings, tmp_path):
    text = as_recipe(changed_settings(settings), "/vi deos")
    (tmp_path / "recipe.toml").write_text(text)
    raw = load_recipe(tmp_path / "recipe.toml")
    assert _results(parse_settings(raw, "recipe")) == _results(settings)


@pytest.mark.parametrize("name", ["overnight", "random_forest_grid", "debug"])
def test_a_recipe_of_jobs_comes_back(name):
    from tests.test_environment import ROOT

    options = {"assignments": ()}
    first = {"data.path": "/videos"}
    own = pipeline.resolve(None, ROOT / "jobs" / f"{name}.toml", first, options)
    again = tomllib.loads(as_recipe(changed_settings(own), "/videos"))
    assert _results(parse_settings(again, "again")) == _results(own)


def test_what_is_by_default_is_not_said():
    assert changed_settings(parse_settings({"data": {"path": "/v"}}, "t")) == {}
