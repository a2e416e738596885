"""Models on the faces of other runs: strangers only, each scored once."""

import csv
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dfhpc import crossing, other_run
from dfhpc.constants import FORMAT_VERSION
from dfhpc.demo.clips import METHODS, fake_frames, make_data_set, write_clip
from dfhpc.errors import (
    ConfigError,
    IncompleteStageError,
    ModelError,
    RunDirectoryError,
    SplitError,
    StoreError,
)
from dfhpc.evaluation_cli import evaluate
from dfhpc.matrix import common_models
from dfhpc.reporting import cross_text
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.stages import cross
from dfhpc.stages.report import write_report
from dfhpc.videos.manifest import read_manifest
from tests.stages.test_whole_run import run_all

MODELS = ["svm", "random_forest"]


EXTRACT = {"frames_per_video": 2, "second_look": False}


def run_on(folder, clips, *methods, **sections):
    """Return a run on the clips of some methods, with its models if not told else."""
    data = {"path": str(clips), "methods": list(methods)}
    wanted = {"extract": EXTRACT, "train": {"models": MODELS}} | sections
    return run_all(folder, clips, data=data, **wanted)[0]


@pytest.fixture(scope="module")
def few_clips(tmp_path_factory):
    """Return clips of 6 people in 3 groups: one trains, one calibrates, one tests."""
    folder = tmp_path_factory.mktemp("few")
    make_data_set(folder, num_people=6, num_frames=9)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory, few_clips):
    folder = tmp_path_factory.mktemp("cross")
    return [run_on(folder / name, few_clips, name) for name in METHODS]


@pytest.fixture
def scoring(monkeypatch):
    """Return the list of calls that score foreign rows."""
    calls = []
    original = cross.score_foreign_rows

    def counted(run, pool, names, reader, rows):
        calls.append(len(rows))
        return original(run, pool, names, reader, rows)

    monkeypatch.setattr(cross, "score_foreign_rows", counted)
    return calls


def on(run, *others, part="all"):
    return crossing.evaluate_on(run.path, [o.path for o in others], part, {})


def files_below(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_people_who_trained_are_left_out_and_counted(runs):
    one, other = runs
    before = files_below(other.path)
    [result] = on(one, other)
    assert files_below(other.path) == before
    own = {v.video_id: v.group_id for v in read_manifest(one.manifest_path)}
    split = read_json(one.split_path)
    seen = {own[name] for part in ("train", "calibration") for name in split[part]}
    videos = read_manifest(other.manifest_path)
    expected = {v.video_id for v in videos if v.group_id not in seen}
    assert 0 < len(expected) < len(videos)
    counts = result["videos"]
    assert counts["standings"]["seen"] == len(videos) - len(expected)
    assert counts["scored"] == len(expected) == counts["real"] + counts["fake"]
    [table] = one.on_dir.glob("FaceSwap-*.csv")
    with table.open() as file:
        assert {line["video_id"] for line in csv.DictReader(file)} == expected
    assert result["models"].keys() == set(MODELS)
    assert "trained or calibrated the models" in cross_text.on_text(result)


def test_faces_of_both_runs_get_the_same_scores_in_both(runs):
    one, other = runs
    on(one, other)
    [table] = one.on_dir.glob("FaceSwap-*.csv")
    tables = []
    for path in (table, one.evaluation_dir / "frames.csv"):
        with path.open() as file:
            rows = [row for row in csv.DictReader(file) if row["label"] == "real"]
        tables.append({(r["video_id"], r["frame_index"]): r for r in rows})
    shared = tables[0].keys() & tables[1].keys()
    assert len(shared) == 4
    for key in shared:
        for model in MODELS:
            scores = [float(found[key][model]) for found in tables]
            assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_a_group_planted_into_training_is_excluded(runs, tmp_path):
    one, other = runs
    planted = RunDirectory(tmp_path / "planted")
    shutil.copytree(one.path, planted.path)
    split = read_json(planted.split_path)
    moved = split["test"][0]
    split["train"].append(split["test"].pop(0))
    write_json(planted.split_path, split)
    shutil.rmtree(planted.on_dir, ignore_errors=True)
    groups = {v.video_id: v.group_id for v in read_manifest(one.manifest_path)}
    assert {groups[name] for name in split["test"]} == {groups[moved]}
    with pytest.raises(SplitError, match="of 12, 12 show people of the training"):
        on(planted, other)


def test_the_report_shows_results_on_other_runs(runs, tmp_path):
    one, other = runs
    [result] = on(one, other)
    path = tmp_path / "report.html"
    write_report(one, path, with_faces=False)
    text = path.read_text()
    assert "On FaceSwap" in text
    for row in cross_text.on_rows(result):
        assert f">{row['reals called fake']}<" in text


def test_what_is_measured_is_not_measured_again(runs, scoring):
    one, other = runs
    shutil.rmtree(one.on_dir, ignore_errors=True)
    first = on(one, other)
    assert len(scoring) == 1
    written = files_below(one.on_dir)
    assert on(one, other) == first
    assert len(scoring) == 1
    shutil.rmtree(one.on_dir)
    assert on(one, other) == first
    assert files_below(one.on_dir) == written
    assert [r["other"]["name"] for r in other_run.read_results(one)] == ["FaceSwap"]


def test_results_of_earlier_models_do_not_count(runs, tmp_path, scoring):
    one, other = runs
    copy = RunDirectory(tmp_path / "copy")
    shutil.copytree(one.path, copy.path)
    on(copy, other)
    evaluation = read_json(copy.evaluation_path)
    write_json(copy.model_path("svm"), {**read_json(copy.model_path("svm")), "x": 1})
    done = len(scoring)
    on(copy, other)
    assert len(scoring) == done + 1
    assert read_json(copy.evaluation_path)["models_hash"] != evaluation["models_hash"]
    write_json(copy.evaluation_path, evaluation)
    assert other_run.read_results(copy) == []


def test_the_matrix_has_a_cell_for_each_pair(runs, tmp_path, scoring):
    out = tmp_path / "matrix"
    paths = [run.path for run in runs]
    matrix = crossing.cross_runs(paths, out, "test", {})
    assert [run["label"] for run in matrix["runs"]] == ["Deepfakes", "FaceSwap"]
    assert matrix == read_json(out / "matrix.json")
    for model in MODELS:
        cells = matrix["models"][model]
        assert [len(row) for row in cells] == [2, 2]
        for i, run in enumerate(runs):
            own = read_json(run.evaluation_path)["models"][model]["test"]["video"]
            assert cells[i][i]["own"]
            assert cells[i][i]["video"]["roc_auc"] == own["roc_auc"]
            assert not cells[i][1 - i]["own"]
            assert cells[i][1 - i]["left_out"] == 0
        with Image.open(out / f"matrix-{model}.png") as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 100
    with (out / "matrix.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(MODELS) * 4 * 2
    text = cross_text.matrix_text(matrix)
    assert "*" in text
    assert "fewer than 5 groups" in text
    done, written = len(scoring), files_below(out)
    assert crossing.cross_runs(paths, out, "test", {}) == matrix
    assert len(scoring) == done
    assert files_below(out) == written


def test_runs_without_a_model_in_common_make_no_matrix(runs, tmp_path):
    evaluations = [read_json(run.evaluation_path) for run in runs]
    evaluations[1]["models"] = {"sgd": {}}
    with pytest.raises(ModelError, match="svm, random_forest; sgd"):
        common_models(evaluations)
    with pytest.raises(ConfigError, match="at least two"):
        crossing.cross_runs([runs[0].path] * 2, tmp_path, "test", {})


def test_one_class_gives_rates_and_no_auc(runs, tmp_path):
    folder = tmp_path / "fakes"
    for person in (50, 52):
        path = folder / "fake" / f"{person}.mp4"
        write_clip(path, fake_frames(person, person + 1, METHODS[0], 9))
    other, _ = run_all(
        tmp_path / "other", folder, stages=("scan", "extract"), extract=EXTRACT
    )
    [result] = on(runs[0], other)
    assert result["videos"]["standings"]["stranger"] == 2
    assert result["videos"]["groups"] == 2
    assert "no ROC AUC" in result["note"]
    for found in result["models"].values():
        assert found["video"]["roc_auc"] is None
        assert found["video"]["num_fake"] == 2
    assert any("Nothing tells who is in" in said for said in result["warnings"])
    assert "no ROC AUC" in cross_text.on_text(result)
    with pytest.raises(IncompleteStageError, match="no test part of whole videos"):
        on(runs[0], other, part="test")


def test_a_run_split_by_rows_has_seen_its_own_data_set(runs, tmp_path, few_clips):
    leaky = run_on(
        tmp_path / "run",
        few_clips,
        METHODS[0],
        split={"kind": "random_rows"},
        train={"models": ["svm"]},
    )
    with pytest.raises(SplitError, match="show people of the training"):
        on(leaky, runs[1])


@pytest.mark.parametrize("missing", ["extracted", "version", "shape", "itself"])
def test_what_cannot_be_scored_is_refused(runs, tmp_path, missing):
    one, other = runs
    copy = RunDirectory(tmp_path / "copy")
    shutil.copytree(other.path, copy.path)
    if missing == "extracted":
        copy.extracted_path.unlink()
        error, words = IncompleteStageError, "are not extracted; run `dfhpc extract"
    elif missing == "version":
        write_json(copy.config_path, {"format_version": FORMAT_VERSION + 1})
        error, words = RunDirectoryError, "format version"
    elif missing == "shape":
        path = copy.store_path / "zarr.json"
        path.write_text(path.read_text().replace('"height": 320', '"height": 160'))
        error, words = StoreError, "have height 160"
    else:
        copy = one
        error, words = ConfigError, "is the run itself"
    with pytest.raises(error, match=words):
        on(one, copy)


def test_faces_that_were_cut_otherwise_are_named(runs, tmp_path, few_clips):
    other = run_on(
        tmp_path / "plain",
        few_clips,
        METHODS[1],
        stages=("scan", "extract"),
        extract={**EXTRACT, "crop": "plain", "stride": 4},
    )
    [result] = on(runs[0], other)
    by_name = {found["setting"]: found for found in result["differences"]}
    assert by_name["extract.crop"]["changes_faces"]
    assert not by_name["extract.stride"]["changes_faces"]
    [warning] = result["warnings"]
    assert 'extract.crop is "square" where the models were trained' in warning


def test_the_command_takes_the_run_in_either_form(runs):
    one, other = (str(run.path) for run in runs)
    wanted = ["--run-dir", one, "--on", other, "--json"]
    found = CliRunner().invoke(evaluate, wanted)
    assert found.exit_code == 0, found.output
    [result] = json.loads(found.stdout)
    assert result["other"]["name"] == "FaceSwap"
    for arguments in ([], [one, "--run-dir", one]):
        refused = CliRunner().invoke(evaluate, arguments)
        assert isinstance(refused.exception, ConfigError)
        assert str(refused.exception).startswith("Name the run once")


def test_batches_hold_whole_partitions(runs):
    from dfhpc.models import scoring
    from dfhpc.store.reading import RowReader

    reader = RowReader(runs[0].store_path)
    rows = np.flatnonzero(reader.array("valid"))
    batches = scoring._batches(reader, rows)
    np.testing.assert_array_equal(np.concatenate(batches), rows)
    many = np.arange(scoring.BATCH_ROWS * 2)
    small = scoring._batches(reader, many)
    size = reader.layout.rows_per_partition
    assert len(small) == 2
    assert small[1][0] % size == 0
