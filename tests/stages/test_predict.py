"""The verdict as users get it: its document, its folder, and what is refused."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dfhpc import calibration
from dfhpc.constants import ROW_LENGTH
from dfhpc.demo.clips import make_new_clips
from dfhpc.doctor.models import models as models_probe
from dfhpc.doctor.visit import Visit
from dfhpc.errors import RunDirectoryError
from dfhpc.models.base import file_digests
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.self_test import SELF_TEST_NAME
from dfhpc.reporting.verdict_words import calibrated_on
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.stages import evaluate
from dfhpc.stages.predict import Judge
from dfhpc.videos.manifest import read_manifest
from tests.people_clips import write_two_people
from tests.stages.test_whole_run import run_all
from tests.verdict_schema import validate

MODELS = {"models": ["sgd", "random_forest"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory, clips):
    """Return a run that is calibrated, on far fewer videos than dfhpc asks for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "MIN_VIDEOS", 1)
        patch.setattr(calibration, "MIN_GROUPS", 1)
        split = {"calibration_share": 0.3}
        folder = tmp_path_factory.mktemp("predict") / "run"
        return run_all(folder, clips, train=MODELS, split=split)


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    paths = make_new_clips(folder, num_frames=33)
    write_two_people(folder / "people.mp4")
    return {path.stem: path for path in (*paths, folder / "people.mp4")}


def copied(run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(run[0].path, folder)
    return RunDirectory(folder)


def test_every_verdict_keeps_to_the_schema(run, new):
    judge = Judge(run[0], "all")
    statuses = {}
    for name, path in {**new, "absent": Path("absent.mp4")}.items():
        judged = judge.judge(path)
        validate(judged.verdict)
        statuses[name] = judged.verdict["status"]
    assert statuses["faceless"] == "not_applicable"
    assert statuses["broken"] == statuses["absent"] == "error"
    assert {statuses["real"], statuses["fake"]} <= {"real", "fake", "inconclusive"}


def test_the_facts_of_the_file_and_of_the_calibration(run, new):
    verdict = Judge(run[0], "random_forest").judge(new["fake"]).verdict
    content = new["fake"].read_bytes()
    found = verdict["input"]
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["bytes"] == len(content)
    assert (found["codec"], found["fps"], found["num_frames"]) == ("h264", 25.0, 33)
    assert found["duration_s"] == pytest.approx(33 / 25)
    assert (found["frames_asked"], found["is_truncated"]) == (4, False)
    decision = verdict["decision"]
    split = read_json(run[0].split_path)
    assert decision["on"] == "probability"
    assert decision["calibrated_on"]["videos"] == len(split["calibration"])
    assert decision["rates"]["calibration"]["fpr"] <= 0.5
    assert "holds where 67 of 100 videos are fake" in calibrated_on(decision)
    low, high = verdict["probability"]["interval_95"]
    assert low <= verdict["probability"]["value"] <= high
    [model] = verdict["models"]
    assert model["self_test"]["passed"]
    assert model["card"]["trained"]["methods"] == ["Deepfakes", "FaceSwap"]
    assert model["card"]["trained"]["compression"] == "c23"
    assert model["card"]["trained"]["videos"] == len(split["train"])


def test_crops_are_the_faces_that_were_scored(run, new):
    judge = Judge(run[0], "random_forest")
    judged = judge.judge(new["real"])
    [model] = judged.verdict["models"]
    rows = np.stack([crop.face.reshape(ROW_LENGTH) for crop in judged.faces])
    scores = judge.models["random_forest"].score(rows)
    assert scores.tolist() == pytest.approx(model["frame_scores"])
    frames = {frame["frame_index"]: frame for frame in judged.verdict["frames"]}
    for crop, score in zip(judged.faces, scores, strict=True):
        assert frames[crop.frame_index]["score"] == pytest.approx(score)
        assert frames[crop.frame_index]["time_s"] == crop.time_s


def test_of_all_models_one_decides(run, new):
    judge = Judge(run[0], "all")
    verdict = judge.judge(new["real"]).verdict
    assert {model["name"] for model in verdict["models"]} == {"sgd", "random_forest"}
    [decides] = [model for model in verdict["models"] if model["decides"]]
    assert decides["name"] == judge.name == Judge(run[0]).name
    for key in ("status", "score", "probability"):
        assert verdict[key] == decides[key]


def test_no_test_video_has_a_part_in_what_is_fitted(run, tmp_path, monkeypatch):
    """A planted test part changes no byte of map, threshold and band."""
    monkeypatch.setattr(calibration, "MIN_VIDEOS", 1)
    monkeypatch.setattr(calibration, "MIN_GROUPS", 1)
    directory, settings = copied(run, tmp_path), run[1]
    videos = read_manifest(directory.manifest_path)
    test = set(read_json(directory.split_path)["test"])
    real_gather = evaluate.ScoredFrames.gather.__func__

    def planted(cls, reader, each, rows, scores):
        found = real_gather(cls, reader, each, rows, scores)
        own = np.array([video.video_id in test for video in found.videos])
        for values in found.scores.values():
            values[own] = np.random.default_rng(0).random(own.sum())
        return found

    before = read_json(directory.evaluation_path)
    monkeypatch.setattr(evaluate.ScoredFrames, "gather", classmethod(planted))
    fitted = []
    real_fit = calibration.fit
    monkeypatch.setattr(
        calibration, "fit", lambda *args: fitted.append(args[0]) or real_fit(*args)
    )
    directory.evaluation_path.unlink()
    from dfhpc.cluster.lazy import pool_for

    with pool_for(directory, settings.cluster, None) as pools:
        after = evaluate.evaluate(directory, settings, pools)
    test_groups = {video.group_id for video in videos if video.video_id in test}
    assert test_groups
    assert not test_groups & {group for found in fitted for group in found.groups}
    for name, entry in after["probabilities"].items():
        other = before["probabilities"][name]
        measured = entry["threshold"].pop("test"), entry.pop("test")
        assert measured != (other["threshold"].pop("test"), other.pop("test"))
        assert json.dumps(entry) == json.dumps(other)


def test_another_rate_of_false_alarms_is_taken_over_and_evaluated_anew(run):
    from dfhpc.recipes import refuse_difference
    from dfhpc.verdict_config import VerdictConfig

    directory, settings = run
    asked = VerdictConfig(false_positive_rate=0.2, min_face_px=30)
    other = settings.model_copy(update={"verdict": asked})
    refuse_difference(settings, other, directory.path)
    assert evaluate.is_done(directory, settings)
    assert not evaluate.is_done(directory, other)


def test_reliability_and_model_card_are_written(run):
    for name in MODELS["models"]:
        picture = run[0].evaluation_dir / f"reliability-{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")
        text = (run[0].model_dir(name) / "model_card.md").read_text()
        for words in (
            "## Intended use",
            "## Factors (known blind spots)",
            "made by Deepfakes and FaceSwap",
            "## Quantitative analyses",
            "Calibrated (platt)",
        ):
            assert words in text


def test_a_model_retrained_after_its_evaluation_is_not_calibrated(run, new, tmp_path):
    directory = copied(run, tmp_path)
    evaluation = read_json(directory.evaluation_path)
    evaluation["probabilities"]["sgd"]["model_digest"] = "other"
    write_json(directory.evaluation_path, evaluation)
    decision = Judge(directory, "sgd").judge(new["real"]).verdict["decision"]
    assert (decision["on"], decision["calibrated_on"]) == ("score", None)
    assert "not evaluated as it is now" in decision["why_not_calibrated"]


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("evaluation/evaluation.json", "models", []),
        ("evaluation/evaluation.json", "probabilities", {"sgd": {"map": {}}}),
        ("evaluation/evaluation.json", "format_version", 99),
        ("models/sgd/model.json", "split", None),
        ("models/sgd/model.json", "faces", None),
        ("models/sgd/model.json", "format_version", 99),
    ],
)
def test_what_is_of_another_shape_is_refused(run, tmp_path, file, key, value):
    directory = copied(run, tmp_path)
    path = directory.path / file
    write_json(path, read_json(path) | {key: value})
    with pytest.raises(RunDirectoryError, match=path.name):
        Judge(directory, "sgd")


def fail_self_test(directory, name):
    path = directory.model_dir(name) / SELF_TEST_NAME
    arrays = load_arrays(path)
    save_arrays(path, arrays | {"scores": 1 - arrays["scores"]})
    card = read_json(directory.model_path(name))
    card["files"] = file_digests(directory.model_dir(name), list(card["files"]))
    write_json(directory.model_path(name), card)


def other_bytes(directory, name):
    with (directory.model_dir(name) / "forest.npz").open("ab") as file:
        file.write(b"x")


def other_version(directory, name):
    raw = read_json(directory.config_path)
    write_json(directory.config_path, raw | {"format_version": 2})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (fail_self_test, "fails its self-test"),
        (other_bytes, "was changed after training"),
        (other_version, "has format version 2"),
    ],
)
def test_what_is_not_as_it_was_trained_gives_no_verdict(
    run, new, tmp_path, dfhpc, spoil, words
):
    directory = copied(run, tmp_path)
    spoil(directory, "random_forest")
    done = dfhpc(
        *("predict", new["real"], "--run-dir", directory.path),
        *("--model", "random_forest", "--json"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_doctor_tries_the_models_of_a_run(run, tmp_path):
    directory, settings = copied(run, tmp_path), run[1]
    found = models_probe(Visit(settings, directory.path))
    assert (found.state, found.remedy) == ("ok", "")
    fail_self_test(directory, "sgd")
    found = models_probe(Visit(settings, directory.path))
    assert (found.state, "sgd fails its self-test" in found.found) == ("failure", True)
    assert models_probe(Visit(settings, tmp_path)).state == "skipped"


def test_a_folder_gives_a_table_and_is_gone_on_with(run, new, tmp_path, dfhpc):
    out, folder = tmp_path / "out", new["real"].parent
    command = ("predict", folder, "--run-dir", run[0].path, "--out", out)
    done = dfhpc(*command)
    assert done.returncode == 0, done.stderr
    assert len([x for x in done.stdout.splitlines() if not x.startswith(" ")]) == 5
    assert "Judging: 5 of 5 videos" in done.stderr
    with (out / "verdicts.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    for row in rows:
        verdict = read_json(out / row["json"])
        validate(verdict)
        assert verdict["status"] == row["status"]
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.json")}
    again = dfhpc(*command)
    assert again.stdout == done.stdout
    after = {path: path.stat().st_mtime_ns for path in out.glob("*.json")}
    assert [path.name for path in after if after[path] != before[path]] == [
        "broken.json"
    ]
    other = dfhpc(*command, "--model", "all")
    assert other.returncode == 2
    assert "name another folder with --out" in other.stderr
