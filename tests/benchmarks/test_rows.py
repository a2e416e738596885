"""Rows for benchmarks: a run that dfhpc takes for its own, with faces in it."""

import importlib.util

import numpy as np
import pytest

from benchmarks.faces import Clip
from benchmarks.rows import MAKER, clip_of, made_videos, make_partition, make_run
from benchmarks.view import fresh_view, read_predictions, read_truth
from dfhpc import pipeline
from dfhpc.errors import ConfigError, StoreError
from dfhpc.runs import read_json
from dfhpc.status import read_status
from dfhpc.store.reading import RowReader
from dfhpc.store.schema import shard_path

NUM_ROWS = 122
QUICK = {
    "train.models": ["sgd", "random_forest"],
    "train.sgd": {"epochs": 1},
    "train.random_forest": {"num_trees": 6, "columns_per_tree": 512},
    "cluster.workers": 0,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("made") / "rows", NUM_ROWS, workers=0)


def shard_bytes(run):
    return [shard_path(run.store_path, index).read_bytes() for index in (0, 1)]


def test_dfhpc_trains_and_evaluates_on_made_rows(made, tmp_path):
    view = fresh_view(made, tmp_path / "view", QUICK)
    run, settings = pipeline.reopen(view, {})
    results = {}
    pipeline.run_stages(run, settings, pipeline.STAGES, results.__setitem__)
    assert list(results) == ["train", "evaluate"]
    truth = read_truth(view)
    assert len(truth) == 25
    for name in QUICK["train.models"]:
        assert read_predictions(view, name).shape == truth.shape
    states = {stage["stage"]: stage["state"] for stage in read_status(run)["stages"]}
    assert set(states.values()) == {"done"}
    assert not made.models_dir.exists()
    assert not made.split_path.exists()


def test_a_view_begins_with_nothing_each_time(made, tmp_path):
    (tmp_path / "view" / "models").mkdir(parents=True)
    view = fresh_view(made, tmp_path / "view", {"train.models": ["sgd"]})
    assert {path.name for path in view.iterdir()} == {
        "config.json",
        "manifest.csv",
        "faces.zarr",
        "partitions",
    }
    assert (made.store_path / "zarr.json").exists()


def test_rows_are_as_many_as_asked_for(made):
    reader = RowReader(made.store_path)
    assert reader.layout.rows_per_partition == 112
    valid = np.asarray(reader.array("valid"), bool)
    assert valid.sum() == NUM_ROWS
    assert valid[:NUM_ROWS].all()
    counts = read_json(made.extracted_path)
    assert counts["videos"] == {"ok": 17, "partial": 1, "no_face": 0, "error": 0}
    assert counts["classes"]["fake"]["frames"] == 63


def test_the_same_arguments_give_the_same_bytes(made, tmp_path):
    again = make_run(tmp_path / "again", NUM_ROWS, workers=0)
    assert shard_bytes(again) == shard_bytes(made)
    other = make_run(tmp_path / "other", NUM_ROWS, seed=1, workers=0)
    assert shard_bytes(other) != shard_bytes(made)


def test_a_killed_call_goes_on_and_a_finished_one_does_nothing(made, tmp_path):
    run = make_run(tmp_path / "run", NUM_ROWS, workers=0)
    first = shard_path(run.store_path, 0).stat().st_mtime_ns
    run.extracted_path.unlink()
    run.partition_path(1).unlink()
    make_run(run.path, NUM_ROWS, workers=0)
    assert shard_bytes(run) == shard_bytes(made)
    assert shard_path(run.store_path, 0).stat().st_mtime_ns == first
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    make_run(run.path, NUM_ROWS)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_folder_with_other_rows_is_refused(made):
    with pytest.raises(StoreError, match="differs in"):
        make_run(made.path, NUM_ROWS, seed=1)
    assert RowReader(made.store_path).attribute("made")["maker"] == MAKER


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="28 or more"):
        make_run(tmp_path, 27)


def test_a_missing_picture_is_said_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"scikit-image.*dfhpc\[demo\]"):
        make_run(tmp_path, 100)


def test_people_come_in_pairs_and_both_classes_are_as_many():
    videos = made_videos(280, seed=0)
    assert sorted({video.group_id for video in videos}) == [
        f"ffpp-{person:04d}" for person in range(0, 20, 2)
    ]
    assert sum(video.label for video in videos) == len(videos) / 2 == 20
    forged = next(video for video in videos if video.label == 1)
    clip = clip_of(forged, 0)
    assert clip.source == clip.target ^ 1


def test_a_partition_made_twice_is_the_same(made):
    before = shard_bytes(made)
    make_partition(made.path, 1, NUM_ROWS, 0)
    assert shard_bytes(made) == before


def test_rows_have_the_entropy_of_faces(made):
    size = shard_path(made.store_path, 0).stat().st_size / 112
    assert 150_000 < size < 230_000
    rows = np.concatenate([Clip(0, person, None).rows(2) for person in range(12)])
    assert 40 < rows.std(axis=0).mean() < 70
    one, other = np.corrcoef(rows)[0, 1], np.corrcoef(rows[::2])
    assert 0.6 < one < 0.99
    assert 0.0 < (other.sum() - 12) / (12 * 11) < 0.5
