"""Work B beside a run: the right rows, and every difference said."""

from dfhpc.pipeline import resolve
from dfhpc.reporting.report import published_figures
from dfhpc.reporting.report.facts import Facts
from dfhpc.reporting.report.published import differences, match
from tests.test_environment import ROOT


def _facts(recipe, *assignments, manifest=None):
    path = ROOT / "jobs" / f"{recipe}.toml"
    settings = resolve(None, path, {"data.path": "/v"}, {"assignments": assignments})
    return Facts(
        name="run",
        path="/run",
        settings=settings.to_json(),
        changed=[],
        recipe="",
        stages=[],
        version="1",
        manifest=manifest,
    )


def _matched(facts):
    return {model.key: name for model, name in match(facts) if name}


def test_the_overnight_recipe_has_all_models_of_80_20():
    names = [m.key for m in published_figures.MODELS if m.test_share == 0.2]
    assert _matched(_facts("overnight")) == {name: name for name in names}


def test_each_recipe_of_one_model_has_its_own_row():
    assert set(_matched(_facts("random_forest_75_25"))) == {"random_forest_75_25"}
    assert set(_matched(_facts("random_forest_80_20"))) == {"random_forest"}
    assert set(_matched(_facts("svm_c001"))) == {"svm_c001"}
    assert set(_matched(_facts("random_forest_grid"))) == {"random_forest_grid"}


def test_other_settings_match_nothing():
    facts = _facts("svm_c1", "train.named.svm_c1.C=0.5", "train.svm.C=0.5")
    assert _matched(facts) == {}


def test_what_is_the_same_is_not_called_different():
    manifest = {
        "videos": 2000,
        "kinds": [
            {"label": "real", "method": "youtube", "compression": "raw"},
            {"label": "fake", "method": "Deepfakes", "compression": "raw"},
        ],
    }
    [jpeg] = differences(_facts("overnight", manifest=manifest))
    assert "JPEG" in jpeg


def test_every_difference_is_said():
    manifest = {
        "videos": 30,
        "kinds": [
            {"label": "real", "method": "youtube", "compression": "c40"},
            {"label": "fake", "method": "FaceSwap", "compression": "c40"},
        ],
    }
    facts = _facts(
        "overnight",
        *("split.kind=group", "split.beside=official", "split.seed=7"),
        *("extract.crop=square", "train.random_forest.balanced=true"),
        manifest=manifest,
    )
    text = " ".join(differences(facts))
    for words in (
        *("c40", "FaceSwap", "2,000, this run 30", "(group)", "42 in work B, 7 here"),
        *("crop square (work B: plain)", "random_forest: balanced yes (work B: no)"),
    ):
        assert words in text


def test_the_figures_are_those_of_its_logs():
    of = {model.key: model for model in published_figures.MODELS}
    assert of["random_forest_grid"].accuracy == 0.86772
    grid = (1158 + 1269) / (1158 + 257 + 113 + 1269)
    assert round(grid, 5) == of["random_forest_grid"].accuracy
    assert of["svm_c1"].max_memory_bytes == 63_202 * 1024**2
