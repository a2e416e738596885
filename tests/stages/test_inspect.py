"""Inspect: what people check comes first, and nothing that is amiss stops it."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dfhpc import pipeline
from dfhpc.demo.clips import faceless_frames, real_frames, write_clip
from dfhpc.errors import ConfigError, IncompleteStageError
from dfhpc.inspection import darkroom
from dfhpc.recipes import parse_settings
from dfhpc.runs import RunDirectory, write_json
from dfhpc.stages.inspect import inspect
from dfhpc.store.schema import shard_path
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK


def _ignore(stage_name, result):
    pass


def _extracted(folder, data):
    settings = parse_settings({**QUICK, "data": {"path": str(data)}}, "test")
    run = pipeline.start(folder, settings)
    pipeline.run_stages(run, settings, ("scan", "extract"), _ignore)
    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspected")
    for name in ("real/a/000.mp4", "real/b/000.mp4", "fake/1.mp4", "fake/2.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_clip(folder / name, real_frames(len(name), 25))
    write_clip(folder / "real" / "none.mp4", faceless_frames(25))
    half = [*faceless_frames(9), *real_frames(1, 16)]
    write_clip(folder / "fake" / "half é日.mp4", half)
    (folder / "fake" / "empty.mp4").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data):
    return _extracted(tmp_path_factory.mktemp("inspect") / "run", data)


@pytest.fixture
def run(finished, tmp_path):
    """Return a copy of a finished run, to damage."""
    shutil.copytree(finished.path, tmp_path / "run")
    return RunDirectory(tmp_path / "run")


def _kinds(note):
    return {entry["kind"]: entry["pictures"] for entry in note["written"]}


def _misses(folder):
    with (folder / "misses.csv").open() as file:
        return list(csv.DictReader(file))


def test_an_overview_has_every_kind_of_sheet(run):
    note = inspect(run, None, None, None)
    assert note["problems"] == []
    assert note["left_out"] == ["5 of 7 misses are shown."]
    kinds = _kinds(note)
    # Of the video without a face two frames, of the other its own two, and a file.
    assert kinds["misses"] == 2 + 2 + 1
    assert kinds["crops-real"] > 0
    assert kinds["crops-fake"] > 0
    for entry in note["written"]:
        path = run.inspection_dir / entry["file"]
        assert path.stat().st_size == entry["bytes"]
        if path.suffix == ".jpg":
            assert Image.open(path).convert("RGB").getcolors(200) is None
    assert json.loads((run.inspection_dir / "inspection.json").read_text()) == note


def test_every_miss_is_listed_once(run):
    inspect(run, None, None, 1)
    marks = [json.loads(p.read_text()) for p in run.partitions_dir.glob("0*.json")]
    expected = []
    for video in (video for mark in marks for video in mark["videos"]):
        frames = [f for f in video["frames"] if f["status"] != "ok"]
        expected += [(video["video_id"], str(f["frame_index"])) for f in frames]
        expected += [(video["video_id"], "")] if not video["frames"] else []
    found = [(m["video_id"], m["frame_index"]) for m in _misses(run.inspection_dir)]
    assert sorted(found) == sorted(expected)
    assert ("fake/empty.mp4", "") in found


def test_limits_are_kept_and_what_is_left_out_is_said(run):
    note = inspect(run, None, None, 2)
    assert max(_kinds(note).values()) == 2
    assert any("2 of" in sentence for sentence in note["left_out"])


def test_sheets_of_an_earlier_time_go_and_nothing_else(run):
    (run.inspection_dir).mkdir()
    (run.inspection_dir / "mine.jpg").write_bytes(b"x")
    inspect(run, None, None, None)
    note = json.loads((run.inspection_dir / "inspection.json").read_text())
    note["written"].append({"file": "crops-real-07.jpg"})
    note["written"].append({"file": "../config.json"})
    (run.inspection_dir / "crops-real-07.jpg").write_bytes(b"x")
    write_json(run.inspection_dir / "inspection.json", note)
    inspect(run, None, None, None)
    assert not (run.inspection_dir / "crops-real-07.jpg").exists()
    assert (run.inspection_dir / "mine.jpg").exists()
    assert run.config_path.exists()


def test_the_least_confident_come_first(run, monkeypatch):
    for number, path in enumerate(sorted(run.partitions_dir.glob("0*.json"))):
        mark = json.loads(path.read_text())
        for video in mark["videos"]:
            for frame in video["frames"]:
                if frame["status"] == "ok":
                    frame["confidence"] = 0.999 - number / 1000
                    frame["quality"] = {"size_px": 99, "blur": 12.3, "brightness": 7.0}
        write_json(path, mark)
    drawn = []
    original = darkroom.Darkroom.crop_tiles

    def noted(self, shots, size):
        drawn.extend(shot.frame["confidence"] for shot in shots)
        tiles = original(self, shots, size)
        assert all("99 px · blur 12 · light 7" in tile.captions[2] for tile in tiles)
        return tiles

    monkeypatch.setattr(darkroom.Darkroom, "crop_tiles", noted)
    note = inspect(run, None, None, None)
    kinds = _kinds(note)
    for first, last in (
        (0, kinds["crops-real"]),
        (kinds["crops-real"], len(drawn)),
    ):
        assert drawn[first:last] == sorted(drawn[first:last])
    assert len(set(drawn)) > 2


def test_one_video_is_shown_whole(run):
    note = inspect(run, None, "half é日.mp4", None)
    assert note["video"] == "fake/half é日.mp4"
    kinds = _kinds(note)
    assert kinds["frames"] == 4
    assert 0 < kinds["crops"] < 4
    with Image.open(next(run.inspection_dir.glob("video-*/preview.gif"))) as preview:
        assert preview.n_frames == 4
        assert preview.info["loop"] == 0


def test_a_video_that_cannot_be_read_says_why(run):
    note = inspect(run, None, "empty.mp4", None)
    assert _kinds(note) == {"frames": 1}
    assert note["outcome"]["reason"] == "empty"


@pytest.mark.parametrize(
    ("name", "sentence"), [("nobody.mp4", "has no video"), ("000.mp4", "name one")]
)
def test_a_video_is_named_clearly(run, name, sentence):
    with pytest.raises(ConfigError, match=sentence):
        inspect(run, None, name, None)


def test_crops_are_drawn_where_videos_are_gone(run, data):
    text = run.manifest_path.read_text()
    run.manifest_path.write_text(text.replace(str(data), "/gone"))
    note = inspect(run, None, None, None)
    assert note["videos_read_again"] == 0
    assert note["videos_not_readable_any_more"] > 1
    assert len(note["problems"]) == note["videos_not_readable_any_more"]
    assert _kinds(note)["crops-fake"] > 0


def test_a_run_under_way_shows_what_is_finished(run):
    run.extracted_path.unlink()
    marks = sorted(run.partitions_dir.glob("0*.json"))
    for path in marks[3:]:
        path.unlink()
    for name in ("valid", "label", "confidence"):
        shutil.rmtree(run.store_path / name / "c", ignore_errors=True)
    note = inspect(run, None, None, None)
    assert sum(note["videos"].values()) == 3
    assert note["videos_not_extracted_yet"] == len(marks) - 3
    assert note["problems"] == []
    later = read_manifest(run.manifest_path)[3].video_id
    with pytest.raises(IncompleteStageError, match="not extracted yet"):
        inspect(run, None, later, None)


def test_a_run_not_begun_is_one_sentence(tmp_path, data):
    settings = parse_settings({**QUICK, "data": {"path": str(data)}}, "test")
    run = pipeline.start(tmp_path / "run", settings)
    with pytest.raises(IncompleteStageError, match="no faces yet"):
        inspect(run, None, None, None)
    pipeline.run_stages(run, settings, ("scan",), _ignore)
    with pytest.raises(IncompleteStageError, match="no faces yet"):
        inspect(run, None, None, None)


def test_damage_is_told_and_the_rest_is_shown(run):
    whole = _kinds(inspect(run, None, None, None))
    marks = sorted(run.partitions_dir.glob("0*.json"))
    marks[0].write_text("{")
    lost = next(
        index
        for index in range(1, len(marks))
        if shard_path(run.store_path, index).exists()
    )
    shard_path(run.store_path, lost).unlink()
    note = inspect(run, None, None, None)
    assert len(note["problems"]) == 2
    assert all(str(run.path) in problem for problem in note["problems"])
    assert _kinds(note).keys() == whole.keys()


def test_what_killed_workers_is_not_read_again(run, monkeypatch):
    path = run.partition_path(0)
    mark = json.loads(path.read_text())
    record = mark["videos"][0]
    record |= {"status": "error", "reason": "quarantined", "detail": "Killed."}
    record["frames"] = []
    write_json(path, mark)
    opened = []
    original = darkroom.read_again

    def noted(path, *others):
        opened.append(str(path))
        return original(path, *others)

    monkeypatch.setattr(darkroom, "read_again", noted)
    inspect(run, None, None, None)
    assert opened
    assert read_manifest(run.manifest_path)[0].path not in opened


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        inspect(run, tmp_path / name, None, None)
        inspect(run, tmp_path / name, "half é日.mp4", None)
    for one in (tmp_path / "a").rglob("*.*"):
        if one.is_file() and one.name != "inspection.json":
            other = tmp_path / "b" / one.relative_to(tmp_path / "a")
            assert one.read_bytes() == other.read_bytes(), one


def test_the_command_says_what_it_wrote(run, dfhpc):
    done = dfhpc("inspect", run.path, "--json", "--limit", 3)
    assert done.returncode == 0, done.stderr
    assert _kinds(json.loads(done.stdout))["frames"] == 3
    shutil.rmtree(run.partitions_dir)
    done = dfhpc("inspect", run.path)
    assert done.returncode == 1
    assert "No partition" in done.stderr
    assert np.unique(done.stderr.splitlines()).size == 1
