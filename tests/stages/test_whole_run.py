"""Train, evaluate, predict and status on a finished run of invented clips."""

import csv
import json

import numpy as np
import pytest

from dfhpc import pipeline
from dfhpc.demo.clips import make_new_clips
from dfhpc.errors import (
    IncompleteStageError,
    ModelError,
    ProjectedMemoryError,
    SplitError,
)
from dfhpc.models.base import TRAINING_ROWS_NAME, TrainingRows
from dfhpc.recipes import parse_settings
from dfhpc.reporting import tables
from dfhpc.reporting.status_table import status_text
from dfhpc.reporting.verdict_text import verdict_text
from dfhpc.runs import read_json
from dfhpc.stages.predict import Judge, choose_model
from dfhpc.status import read_status
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK
from tests.verdict_schema import validate


def run_all(folder, clips, stages=pipeline.STAGES, **sections):
    """Return a run directory with ``stages`` done, and its settings."""
    raw = {**QUICK, "data": {"path": str(clips)}}
    for name, section in sections.items():
        raw[name] = {**raw.get(name, {}), **section}
    settings = parse_settings(raw, "test")
    run = pipeline.start(folder, settings)
    pipeline.run_stages(run, settings, stages, lambda stage, result: None)
    return run, settings


@pytest.fixture(scope="module")
def finished(tmp_path_factory, clips):
    return run_all(tmp_path_factory.mktemp("finished") / "run", clips)


@pytest.fixture(scope="module")
def leaky(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("leaky") / "run"
    return run_all(folder, clips, split={"kind": "random_rows"})


def test_no_identity_is_on_both_sides(finished):
    run, _ = finished
    groups = {v.video_id: v.group_id for v in read_manifest(run.manifest_path)}
    split = read_json(run.split_path)
    sides = {
        part: {groups[v] for v in split[part]}
        for part in ("train", "calibration", "test")
    }
    assert all(sides.values())
    assert not sides["train"] & sides["test"]
    assert not sides["train"] & sides["calibration"]
    assert not sides["calibration"] & sides["test"]
    audit = read_json(run.evaluation_path)["audit"]
    assert not any(n for pair in audit["overlap"].values() for n in pair.values())


def test_models_learn_from_the_rows_of_training_videos_alone(finished):
    run, settings = finished
    videos = read_manifest(run.manifest_path)
    train = set(read_json(run.split_path)["train"])
    for name in settings.train.models:
        training = TrainingRows.load(run.model_dir(name) / TRAINING_ROWS_NAME)
        positions = training.rows // settings.extract.frames_per_video
        assert {videos[i].video_id for i in positions} == train
        assert [videos[i].label for i in positions] == training.labels.tolist()


def test_evaluation_measures_both_levels_and_each_method(finished):
    run, settings = finished
    evaluation = read_json(run.evaluation_path)
    split = read_json(run.split_path)
    for name in settings.train.models:
        test = evaluation["models"][name]["test"]
        assert test["video"]["num"] == len(split["test"])
        assert set(test["methods"]) == {"Deepfakes", "FaceSwap"}
        for level in ("frame", "video"):
            found = test[level]
            (rr, rf), (fr, ff) = found["confusion"]
            assert rr + rf + fr + ff == found["num"]
            assert found["accuracy"] == pytest.approx((rr + ff) / found["num"])
            assert found["report"]["fake"]["support"] == fr + ff


def test_video_scores_are_the_means_of_their_frames(finished):
    run, _ = finished
    with (run.evaluation_dir / "frames.csv").open() as file:
        frames = list(csv.DictReader(file))
    test = set(read_json(run.split_path)["test"])
    by_video = {}
    for frame in frames:
        if frame["video_id"] in test:
            by_video.setdefault(frame["video_id"], []).append(
                (float(frame["sgd"]), frame["label"])
            )
    brier = np.mean(
        [
            (np.mean([s for s, _ in found]) - (found[0][1] == "fake")) ** 2
            for found in by_video.values()
        ]
    )
    measured = read_json(run.evaluation_path)["models"]["sgd"]["test"]["video"]
    assert measured["brier"] == pytest.approx(brier, abs=1e-5)


def test_leaky_split_says_so_and_counts_the_overlap(leaky):
    run, settings = leaky
    evaluation = read_json(run.evaluation_path)
    assert evaluation["split"]["leaky"]
    assert evaluation["audit"]["overlap"]["train/test"]["videos"] > 0
    text = tables.evaluation_text(evaluation)
    for name in settings.train.models:
        assert f"Model {name}, test part -- LEAKY" in text
    card = read_json(run.model_path("sgd"))
    assert card["split"]["leaky"]
    assert "LEAKY" in tables.training_text({"sgd": card})


def test_clean_split_does_not_say_leaky(finished):
    run, _ = finished
    assert "LEAKY" not in tables.evaluation_text(read_json(run.evaluation_path))


def test_finished_run_does_nothing(finished):
    run, settings = finished
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*")}
    ignore = {}.__setitem__
    assert pipeline.run_stages(run, settings, pipeline.STAGES, ignore) is False
    assert {p: p.stat().st_mtime_ns for p in run.path.rglob("*")} == before


def test_a_retrained_model_is_evaluated_anew(clips, tmp_path):
    run, settings = run_all(tmp_path / "run", clips, train={"models": ["sgd"]})
    before = read_json(run.evaluation_path)
    card = read_json(run.model_path("sgd"))
    run.model_path("sgd").write_text(json.dumps(card | {"history": {"epochs": 0}}))
    results = {}
    pipeline.run_stages(run, settings, pipeline.STAGES, results.__setitem__)
    assert list(results) == ["evaluate"]
    assert results["evaluate"]["models"] == before["models"]
    assert results["evaluate"]["models_hash"] != before["models_hash"]


def test_stages_refuse_to_run_before_their_time(clips, tmp_path):
    run, settings = run_all(tmp_path / "run", clips, stages=("scan",))
    for stage, message in (
        ("train", "Extraction is not finished"),
        ("evaluate", "sgd"),
    ):
        with pytest.raises(IncompleteStageError, match=message):
            pipeline.run_stages(run, settings, (stage,), {}.__setitem__)


def test_too_little_memory_is_refused_before_it_is_used(clips, tmp_path, monkeypatch):
    from dfhpc.cluster.inline import InlinePool

    run_all(tmp_path / "run", clips, stages=("scan", "extract"))
    monkeypatch.setattr(InlinePool, "worker_memory_bytes", 10**8)
    with pytest.raises(ProjectedMemoryError, match=r"sgd would need .* 0\.1 GB"):
        run_all(tmp_path / "run", clips)


def test_one_class_cannot_be_trained(clips, tmp_path):
    data = tmp_path / "data" / "real"
    data.mkdir(parents=True)
    for path in clips.rglob("youtube/c23/videos/*.mp4"):
        (data / path.name).symlink_to(path)
    with pytest.raises(SplitError, match="no fake video"):
        run_all(tmp_path / "run", tmp_path / "data")


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    paths = make_new_clips(tmp_path_factory.mktemp("new"), num_frames=33)
    return {path.stem: path for path in paths}


class TestPredict:
    def _predict(self, run, path, model="random_forest"):
        verdict = Judge(run, model).judge(path).verdict
        validate(verdict)
        return verdict

    def test_statuses(self, finished, new):
        run, _ = finished
        faces = {"real", "fake", "inconclusive"}
        assert self._predict(run, new["real"])["status"] in faces
        assert self._predict(run, new["fake"])["status"] in faces
        verdict = self._predict(run, new["faceless"])
        assert self._said(verdict) == ("not_applicable", ["no_face"])
        assert verdict["score"] is None
        verdict = self._predict(run, new["broken"])
        assert self._said(verdict) == ("error", ["not_a_video"])
        assert verdict["score"] is None
        missing = self._predict(run, new["real"].with_name("absent.mp4"))
        assert self._said(missing) == ("error", ["missing"])
        assert missing["input"]["sha256"] is None

    def _said(self, verdict):
        return verdict["status"], [reason["code"] for reason in verdict["reasons"]]

    @pytest.mark.parametrize("model", ["sgd", "random_forest"])
    def test_a_video_of_the_data_scores_as_in_the_evaluation(self, finished, model):
        run, _ = finished
        with (run.evaluation_dir / "frames.csv").open() as file:
            frames = list(csv.DictReader(file))
        video = frames[0]["video_id"]
        expected = {
            int(f["frame_index"]): float(f[model])
            for f in frames
            if f["video_id"] == video
        }
        path = next(
            v.path for v in read_manifest(run.manifest_path) if v.video_id == video
        )
        from pathlib import Path

        verdict = self._predict(run, Path(path), model)
        found = {
            f["frame_index"]: f["score"]
            for f in verdict["frames"]
            if f["score"] is not None
        }
        assert found == pytest.approx(expected, abs=1e-5)
        assert verdict["score"] == pytest.approx(
            np.mean(list(expected.values())), abs=1e-5
        )

    def test_frames_have_time_box_and_score(self, finished, new):
        run, _ = finished
        frames = self._predict(run, new["real"])["frames"]
        assert [f["frame_index"] for f in frames] == [0, 8, 16, 24]
        assert frames[1]["time_s"] == pytest.approx(0.32)
        for frame in frames:
            assert (frame["score"] is None) == (frame["status"] != "ok")
            if frame["status"] == "ok":
                assert len(frame["box"]) == 4

    def test_a_leaky_model_says_so(self, leaky, new):
        run, _ = leaky
        verdict = self._predict(run, new["real"])
        [model] = verdict["models"]
        assert model["card"]["split"]["leaky"]
        spots = model["card"]["blind_spots"]
        assert any(sentence.startswith("LEAKY") for sentence in spots)
        assert verdict["decision"]["calibrated_on"] is None
        assert "leaky" in verdict["decision"]["why_not_calibrated"]
        assert "LEAKY" in verdict_text(verdict)

    def test_unknown_model_names_those_there_are(self, finished):
        with pytest.raises(ModelError, match="it has logistic_regression, random_"):
            choose_model(finished[0], "ridge")

    def test_default_model_is_chosen_on_the_calibration_part(self, finished):
        run, settings = finished
        evaluation = read_json(run.evaluation_path)
        models, known = evaluation["models"], evaluation["probabilities"]
        areas = {m: models[m]["calibration"]["video"]["roc_auc"] for m in models}
        chosen = choose_model(run, None)
        assert areas[chosen] == max(areas.values())
        equal = [m for m in areas if areas[m] == areas[chosen]]
        briers = {m: known[m]["calibration"]["brier"] for m in equal}
        assert briers[chosen] == min(briers.values())

    def test_run_without_models_is_refused(self, clips, tmp_path):
        run, _ = run_all(tmp_path / "run", clips, stages=("scan",))
        with pytest.raises(ModelError, match="no trained model"):
            choose_model(run, None)


class TestStatus:
    def _states(self, run):
        return {s["stage"]: (s["state"], s["done"]) for s in read_status(run)["stages"]}

    def test_of_a_finished_run(self, finished):
        run, _ = finished
        assert self._states(run) == {
            "scan": ("done", 1),
            "extract": ("done", 24),
            "train": ("done", 4),
            "evaluate": ("done", 1),
        }
        assert read_status(run)["working"] is None
        assert "capture rate" in status_text(read_status(run))

    def test_of_a_run_half_way(self, clips, tmp_path):
        run, settings = run_all(tmp_path / "run", clips, stages=("scan",))
        assert self._states(run)["extract"] == ("not begun", 0)
        from dfhpc.extraction.partition import run_partition
        from dfhpc.stages.extract import _attributes, layout_of
        from dfhpc.store.schema import create_store

        videos = read_manifest(run.manifest_path)
        create_store(
            run.store_path, layout_of(videos, settings), _attributes(videos, settings)
        )
        run_partition(run.path, 2, "x")
        assert self._states(run)["extract"] == ("begun", 1)

    def test_of_a_run_that_has_only_settings(self, quick_settings, tmp_path):
        run = pipeline.start(tmp_path / "run", quick_settings)
        assert set(self._states(run).values()) == {("not begun", 0)}
        status_text(read_status(run))


def test_what_was_begun_for_other_settings_is_not_gone_on_with(clips, tmp_path):
    run, settings = run_all(tmp_path / "run", clips, train={"models": ["svm"]})
    expected = read_json(run.model_path("svm"))["files"]
    begun = run.model_dir("svm") / "begun.json"
    other = read_json(begun)
    other["models"][0]["C"] = 99.0
    begun.write_text(json.dumps(other))
    # As if killed after the solution, before the model.
    with np.load(run.model_dir("svm") / "dual.npz") as arrays:
        changed = {name: array * 0 for name, array in arrays.items()}
    np.savez(run.model_dir("svm") / "dual.npz", **changed)
    run.model_path("svm").unlink()
    pipeline.run_stages(run, settings, ("train",), lambda stage, result: None)
    assert read_json(run.model_path("svm"))["files"] == expected
