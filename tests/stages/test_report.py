"""The report of a run: right numbers, whatever state the run is in."""

import base64
import html
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from dfhpc import pipeline
from dfhpc.curves import class_intervals, curves_of, read_test_scores
from dfhpc.demo.clips import real_frames, write_clip
from dfhpc.recipes import parse_settings
from dfhpc.reporting.report.words import number
from dfhpc.runs import RunDirectory, write_json
from dfhpc.stages.evaluate import load_evaluation
from dfhpc.stages.report import write_report
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK


def _ignore(stage, result):
    pass


def _run(folder, data, stages=pipeline.STAGES, **tables):
    raw = {**QUICK, "data": {"path": str(data)}, **tables}
    settings = parse_settings(raw, "test")
    run = pipeline.start(folder, settings)
    pipeline.run_stages(run, settings, stages, _ignore)
    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory, clips):
    """Return a finished run: a split that leaks, another beside it, a search."""
    return _run(
        tmp_path_factory.mktemp("report") / "run & <b>",
        clips,
        train=QUICK["train"] | {"models": ["sgd", "random_forest"]},
        split={"kind": "random_rows", "beside": "group", "test_share": 0.4},
        search={"folds": 2, "grids": {"random_forest": {"num_trees": [3, 6]}}},
    )


@pytest.fixture
def run(finished, tmp_path):
    """Return a copy of a finished run, to change."""
    shutil.copytree(finished.path, tmp_path / "run & <b>")
    return RunDirectory(tmp_path / "run & <b>")


def _text(run):
    """Return the words of a report, tags left out."""
    page = run.report_path.read_text()
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def _tables(page):
    """Return by caption the rows of each table, as lists of cells."""
    found = {}
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        caption = re.search(r"<caption><span>(.*?)</span>", table, re.DOTALL)[1]
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        cells = [
            re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows
        ]
        found[html.unescape(caption)] = cells
    return found


def test_two_reports_of_a_run_are_the_same_bytes(run, tmp_path):
    first = write_report(run)
    second = write_report(run, tmp_path / "again.html")
    assert first["problems"] == []
    assert first["finished"]
    assert first["bytes"] < 3_000_000
    assert run.report_path.read_bytes() == (tmp_path / "again.html").read_bytes()
    assert second["report"] == str(tmp_path / "again.html")


def test_the_numbers_are_those_of_the_evaluation(finished):
    write_report(finished)
    tables = _tables(finished.report_path.read_text())
    evaluation = load_evaluation(finished)
    checked = 0
    for result in (evaluation, evaluation["beside"]):
        for level in ("video", "frame"):
            start = f"{level.capitalize()}s of the test part, split "
            start += result["split"]["kind"]
            [caption] = [name for name in tables if name.startswith(start)]
            rows = {row[0]: row for row in tables[caption][1:]}
            for name, parts in result["models"].items():
                found = parts["test"][level]
                fake = found["report"]["fake"]
                expected = [found["accuracy"], found["roc_auc"], fake["precision"]]
                expected += [fake["recall"], fake["f1-score"]]
                expected += [found["average_precision"], found["equal_error_rate"]]
                shown = [cell.split()[0] for cell in rows[name][1:8]]
                assert shown == [number(value) for value in expected]
                confusion = tables[f"{name}, {level}s"][1:]
                counts = [int(c.split()[0]) for row in confusion for c in row[1:]]
                assert counts == [n for row in found["confusion"] for n in row]
                checked += 1
    assert checked == 8


def test_a_leak_is_said_first_and_an_honest_model_is_named(finished):
    write_report(finished)
    text = _text(finished)
    summary = text[text.index("Summary Data") :]
    assert summary.index("LEAKY") < summary.index("videos of clips")
    assert "@group (split group, seed 42)" in text.replace("\u00a0", " ")
    assert "The same models under both splits, test parts: the difference is" in text


def test_the_curves_are_those_of_the_scores(finished):
    videos = read_manifest(finished.manifest_path)
    evaluation = load_evaluation(finished)
    for suffix, result in (("", evaluation), ("@group", evaluation["beside"])):
        frames, seed = read_test_scores(finished, suffix, videos)
        for name, parts in result["models"].items():
            roc = curves_of(frames, name, seed)["roc"]
            for level in ("frame", "video"):
                x, y = np.array(roc[level]).T
                area = parts["test"][level]["roc_auc"]
                assert np.trapezoid(y, x) == pytest.approx(area, abs=1e-6)


def test_intervals_of_classes_hold_what_was_measured_and_need_groups():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400).astype(np.int8)
    scores = np.clip(0.25 + 0.5 * labels + rng.normal(0, 0.3, 400), 0, 1)
    groups = [f"g{i // 10}" for i in range(400)]
    found = class_intervals(labels, scores, groups, 1)
    called = scores > 0.5
    recall = (called & (labels == 1)).sum() / (labels == 1).sum()
    low, high = found["recall"]
    assert low < recall < high
    assert high - low < 0.2
    assert class_intervals(labels, scores, ["a"] * 400, 1)["recall"] is None


def test_every_video_and_split_part_is_counted(finished):
    write_report(finished)
    tables = _tables(finished.report_path.read_text())
    rows = tables["Videos by class and method"]
    assert sum(int(row[rows[0].index("videos")]) for row in rows[1:]) == 24
    outcomes = tables["What became of each video"][1:]
    assert sum(int(row[1]) for row in outcomes) == 24


def test_an_unfinished_run_says_what_makes_the_rest(tmp_path, clips):
    settings = parse_settings({**QUICK, "data": {"path": str(clips)}}, "test")
    run = pipeline.start(tmp_path / "run", settings)
    assert not write_report(run)["finished"]
    assert "No video is listed yet" in _text(run)
    pipeline.run_stages(run, settings, ("scan",), _ignore)
    write_report(run)
    assert f"dfhpc extract {run.path}" in _text(run)
    assert "Nothing has been sampled" not in _text(run)


def test_a_half_extracted_run_counts_what_there_is(run):
    run.extracted_path.unlink()
    for index in range(12, 24):
        run.partition_path(index).unlink()
    assert not write_report(run)["finished"]
    assert "12 of 24 partitions are extracted" in _text(run)
    outcomes = _tables(run.report_path.read_text())["What became of each video"]
    assert sum(int(row[1]) for row in outcomes[1:]) == 12


def test_what_is_damaged_is_told_and_the_rest_is_there(run):
    shutil.rmtree(run.usage_dir)
    (run.evaluation_dir / "frames.csv").unlink()
    run.split_variant_path("@group").write_text("{")
    run.partition_path(3).write_text("{")
    written = write_report(run)
    problems = " ".join(written["problems"])
    for name in ("frames.csv", "split@group.json", "000003.json"):
        assert name in problems
        assert name in _text(run)
    assert "Nothing has been sampled" in _text(run)
    assert "2 curves not drawn" in _text(run)


def _without_a_model(run):
    evaluation = json.loads(run.evaluation_path.read_text())
    write_json(run.evaluation_path, evaluation | {"models": []})


def _of_another_format(run):
    evaluation = json.loads(run.evaluation_path.read_text())
    write_json(run.evaluation_path, evaluation | {"format_version": 99})


def _without_a_split(run):
    card = json.loads(run.model_path("sgd").read_text())
    write_json(run.model_path("sgd"), card | {"split": None})


def _without_counts_of_faces(run):
    card = json.loads(run.model_path("sgd").read_text())
    write_json(run.model_path("sgd"), card | {"faces": {"real": 1}})


def _without_a_manifest(run):
    run.manifest_path.unlink()


def _with_other_columns(run):
    run.manifest_path.write_text("a,b\n1,2\n")


def _with_fewer_videos(run):
    lines = run.manifest_path.read_text().splitlines(keepends=True)
    run.manifest_path.write_text("".join(lines[:-2]))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            _without_a_model,
            r"evaluation.json is damaged, or of another dfhpc \(models: .* `dfhpc eval",
        ),
        (_of_another_format, "evaluation.json has format version 99"),
        (_without_a_split, r"model.json is damaged \(split: .* `dfhpc train"),
        (_without_counts_of_faces, r"model.json is damaged \(faces.fake: "),
        (_without_a_manifest, "manifest.csv lists 0 videos, and the store has rows"),
        (_with_other_columns, "manifest.csv"),
        (_with_fewer_videos, "manifest.csv lists 22 videos, and the store has rows"),
    ],
)
def test_files_of_another_shape_are_problems_and_not_the_end(run, spoil, words):
    spoil(run)
    problems = write_report(run, with_faces=False)["problems"]
    assert re.search(words, " ".join(problems))


def test_faults_are_told(run):
    videos = [video.video_id for video in read_manifest(run.manifest_path)]
    write_json(run.deaths_path, {videos[0]: 3, videos[1]: 1})
    with (run.logs_dir / "driver.log").open("a") as log:
        log.write("2026-01-01 00:00:00,000 WARNING A worker died while <b>.\n")
    for name in ("a", "b"):
        lines = [{"t": 1.0, "event": "start", "stage": "extract"}]
        lines[0]["requested_bytes"] = None
        lines.append({"t": 2.0, "cpu_s": 1.0, "rss_bytes": 1, "processes": 1})
        lines[1]["threads"] = 1
        path = run.usage_dir / f"driver-{name}-1-1.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    write_report(run)
    text = _text(run)
    assert "4 workers died while reading 2 videos; 1 video quarantined" in text
    assert "3 commands worked on this run" in text
    assert "extract 3 times" in text
    assert "A worker died while <b>." in text


def test_calibrated_probabilities_are_shown_where_they_are(run):
    rates = {"fpr": 0.1, "fpr_95": [0.02, 0.3], "tpr": 0.8, "tpr_95": [0.6, 0.9]}
    rates |= {"tnr": 0.7, "fnr": 0.1}
    rates |= {"real": 10, "fake": 20}
    bins = [
        {"low": 0.0, "high": 0.5, "mean_probability": 0.2, "share_fake": 0.25}
        | {"videos": 8},
        {"low": 0.5, "high": 1.0, "mean_probability": 0.0, "share_fake": 0.0}
        | {"videos": 0},
    ]
    quality = {"brier": 0.123, "ece": 0.045, "bins": bins, "videos": 8}
    threshold = {"value": 0.6, "band": [0.45, 0.7], "calibration": rates}
    threshold |= {"false_positive_rate_asked": 0.1, "test": None}
    evaluation = load_evaluation(run)
    evaluation["probabilities"] = {
        "sgd": {"map": {"kind": "none", "why": "A leaky split has no calibration."}}
        | {"calibration": None, "test": None, "model_digest": ""}
        | {"fitted_on": dict.fromkeys(("videos", "real", "fake", "groups"), 0)}
        | {"threshold": threshold | {"calibration": None}}
    }
    evaluation["beside"]["probabilities"] = {
        "sgd@group": {
            "map": {"kind": "platt", "slope": 1.0, "intercept": 0.0}
            | {"interval": {"low": [0.0] * 113, "high": [1.0] * 113}},
            "model_digest": "",
            "fitted_on": {"videos": 12, "real": 4, "fake": 8, "groups": 2},
            "threshold": threshold,
            "calibration": quality,
            "test": None,
        }
    }
    write_json(run.evaluation_path, evaluation)
    write_report(run)
    text = _text(run)
    assert "Not calibrated: sgd. A leaky split has no calibration." in text
    assert "0.450 to 0.700" in text
    assert "0.100 [0.02, 0.30]" in text
    assert "0.20 said, 0.25 fake" in text
    assert "0.00 said" not in text


def test_pictures_of_faces_may_be_left_out(run):
    write_report(run)
    assert "data:image/webp" in run.report_path.read_text()
    write_report(run, with_faces=False)
    assert "data:image/webp" not in run.report_path.read_text()


def test_with_rows_for_all_people_the_faces_are_those_of_the_videos(tmp_path):
    for name in ("real/a.mp4", "fake/b.mp4"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        write_clip(tmp_path / "data" / name, real_frames(2, 17))
    extract = QUICK["extract"] | {"faces": "all", "max_people": 2}
    run = _run(
        tmp_path / "run", tmp_path / "data", ("scan", "extract"), extract=extract
    )
    assert write_report(run)["problems"] == []
    pictures = re.findall(
        r"data:image/webp;base64,([^\"]+)", run.report_path.read_text()
    )
    assert len(pictures) == 2
    for picture in pictures:
        # A slot group without anybody is black.
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))
        assert pixels.std() > 20


def test_the_command_line_writes_it(dfhpc, run, tmp_path):
    done = dfhpc("report", run.path, "--output", tmp_path / "r.html", "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert (tmp_path / "r.html").stat().st_size == written["bytes"]
    assert dfhpc("report", tmp_path).returncode == 1
