"""What a later stage would refuse is refused before an earlier one spends hours."""

import pytest

from dfhpc import pipeline, preflight
from dfhpc.errors import ModelError, SettingsMismatchError, SplitError
from dfhpc.recipes import parse_settings, refuse_difference


def settings_of(clips, **train):
    models = {"models": ["svm"], **train}
    extract = {"detector": "haar", "stride": 8, "frames_per_video": 2}
    return parse_settings(
        {
            "data": {"path": str(clips), "max_videos": 12},
            "extract": extract,
            "search": {"folds": 2, "grids": {"svm": {"C": [1.0, 2.0]}}},
            "train": models,
            "cluster": {"workers": 0},
        },
        "test",
    )


def test_before_a_search_of_a_run_that_is_extracted(tmp_path, clips, monkeypatch):
    settings = settings_of(clips)
    run = pipeline.start(tmp_path / "run", settings)
    pipeline.run_stages(run, settings, ("scan", "extract"), lambda *found: None)

    def refuse(run, settings):
        raise SplitError("There is nobody to test on.")

    monkeypatch.setattr(pipeline.train, "plan", refuse)
    monkeypatch.setattr(
        pipeline.search, "search", lambda *found: pytest.fail("it searched")
    )
    with pytest.raises(SplitError, match="nobody to test on"):
        pipeline.run_stages(run, settings, pipeline.STAGES, lambda *found: None)


def test_weights_that_are_nowhere_are_named_before_submission(clips, tmp_path):
    absent = tmp_path / "absent.weights.h5"
    cnn = {"base": "mobilenet_v3_small", "side": 32, "weights": str(absent)}
    settings = settings_of(clips, models=["svm", "cnn"], cnn=cnn)
    with pytest.raises(ModelError, match=r"absent\.weights\.h5"):
        preflight.fetch_weights(settings)
    preflight.fetch_weights(settings_of(clips))


def test_a_kind_that_is_new_in_a_run_may_have_any_settings(clips, tmp_path):
    old = settings_of(clips)
    new = settings_of(clips, models=["svm", "ridge"], ridge={"alpha": 3.0})
    refuse_difference(old, new, tmp_path)
    with pytest.raises(SettingsMismatchError, match=r"train\.svm\.C"):
        refuse_difference(old, settings_of(clips, svm={"C": 3.0}), tmp_path)
