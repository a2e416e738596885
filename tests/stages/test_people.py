"""A whole run with rows for each person of its videos."""

import csv

import numpy as np
import pytest
import zarr

from dfhpc import pipeline
from dfhpc.extraction.partition import run_partition
from dfhpc.person_scores import deciding_person
from dfhpc.recipes import parse_settings
from dfhpc.reporting.status_table import status_text
from dfhpc.runs import read_json
from dfhpc.stages.predict import Judge
from dfhpc.status import read_status
from dfhpc.store.reading import RowReader
from dfhpc.store.schema import shard_path
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK
from tests.people_clips import make_data_set
from tests.verdict_schema import validate

FRAMES, PEOPLE = 4, 3
NUM_VIDEOS = 10
EXTRACTION = ("scan", "extract")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    make_data_set(folder, NUM_VIDEOS // 2)
    return folder


def run_all(folder, data, stages=pipeline.STAGES, **extract):
    raw = {
        "data": {"path": str(data)},
        "extract": {**QUICK["extract"], "max_people": PEOPLE, **extract},
        "train": {"models": ["sgd"], "sgd": {"epochs": 3, "batch_rows": 16}},
        "cluster": {"workers": 0},
    }
    settings = parse_settings(raw, "test")
    run = pipeline.start(folder, settings)
    pipeline.run_stages(run, settings, stages, lambda stage, result: None)
    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("people") / "run"
    return run_all(folder, data, faces="all")


def test_each_person_has_rows_in_the_videos_range(finished):
    reader = RowReader(finished.store_path)
    videos = read_manifest(finished.manifest_path)
    assert reader.layout.slots_per_video == FRAMES * PEOPLE
    assert reader.layout.num_rows == len(videos) * FRAMES * PEOPLE
    rows = np.flatnonzero(reader.array("valid"))
    position, person = reader.layout.video_of(rows), reader.layout.person_of(rows)
    np.testing.assert_array_equal(reader.array("video")[rows], position)
    labels = np.array([video.label for video in videos])
    np.testing.assert_array_equal(reader.array("label")[rows], labels[position])
    assert {0, 1} <= set(person)
    left = reader.array("box")[rows, 0] < 320
    for name in ("blur", "brightness"):
        assert (reader.array(name)[rows] > 0).all()
    np.testing.assert_array_equal(
        reader.array("size_px")[rows], reader.array("box")[rows, 2:].min(axis=1)
    )
    for video in range(len(videos)):
        for group in set(person[position == video]):
            own = (position == video) & (person == group)
            # A group holds one track, and a track of these clips one of two people.
            assert len(set(reader.array("track")[rows[own]])) == 1
            assert len(set(left[own])) == 1


def test_a_second_run_and_a_repeated_partition_write_the_same(finished, data, tmp_path):
    again = run_all(tmp_path / "again", data, EXTRACTION, faces="all")
    for path in finished.store_path.rglob("*"):
        if path.is_file():
            other = again.store_path / path.relative_to(finished.store_path)
            assert path.read_bytes() == other.read_bytes()
    mark = again.partition_path(2).read_bytes()
    shard = shard_path(again.store_path, 2).read_bytes()
    again.partition_path(2).unlink()
    run_partition(again.path, 2, "again")
    assert again.partition_path(2).read_bytes() == mark
    assert shard_path(again.store_path, 2).read_bytes() == shard


def test_evaluation_and_prediction_score_a_video_alike(finished):
    with (finished.evaluation_dir / "frames.csv").open() as file:
        frames = list(csv.DictReader(file))
    videos = {v.video_id: v for v in read_manifest(finished.manifest_path)}
    for video_id in sorted({frame["video_id"] for frame in frames})[:3]:
        own = [frame for frame in frames if frame["video_id"] == video_id]
        scores = {}
        for frame in own:
            scores.setdefault(frame["track"], []).append(float(frame["sgd"]))
        means = [np.mean(found) for found in scores.values()]
        counts = [len(found) for found in scores.values()]
        expected = means[deciding_person(counts, means, 3)]
        from pathlib import Path

        judge = Judge(finished, "sgd")
        verdict = judge.judge(Path(videos[video_id].path)).verdict
        validate(verdict)
        assert verdict["score"] == pytest.approx(expected, abs=1e-5)
        found = {str(p["track"]): p["score"] for p in verdict["people"]}
        assert found == pytest.approx(
            {track: np.mean(s) for track, s in scores.items()}, abs=1e-5
        )
        scored = [
            face["score"]
            for frame in verdict["frames"]
            for face in (frame, *frame["others"])
            if face["score"] is not None
        ]
        assert len(scored) == len(own)


def test_status_tells_of_people_and_quality(finished):
    report = read_json(finished.extracted_path)
    assert report["people"]["several"] == NUM_VIDEOS
    assert report["people"]["mixed"] == 0
    low, half, high = report["quality"]["real"]["size_px"]
    assert 50 < low <= half <= high < 320
    text = status_text(read_status(finished))
    assert f"Videos with several people: {NUM_VIDEOS}, at most" in text
    assert "size_px" in text
    assert all(len(line) < 80 for line in text.splitlines()[1:])


def test_the_store_says_how_many_people_have_slots(finished):
    attributes = zarr.open_group(finished.store_path, mode="r").attrs
    assert attributes["people_per_video"] == PEOPLE
    assert attributes["extract"]["faces"] == "all"
