"""Export: what is asked for, whole or not at all, and back again."""

import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
import zarr

from dfhpc import importing, pipeline
from dfhpc.errors import ExportError, IncompleteStageError
from dfhpc.exporting import png
from dfhpc.recipes import parse_settings
from dfhpc.stages import export as stage
from dfhpc.stages.export import Choice, export_rows
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK

NO_OPTIONS = {"assignments": (), "models": None}


def _ignore(stage_name, result):
    pass


@pytest.fixture(scope="module")
def done(tmp_path_factory, clips):
    """Return a run that is extracted, and its settings."""
    settings = parse_settings({**QUICK, "data": {"path": str(clips)}}, "test")
    run = pipeline.start(tmp_path_factory.mktemp("export") / "run", settings)
    pipeline.run_stages(run, settings, ("scan", "extract"), _ignore)
    return run, settings


def _export(done, target, kind="npz", *, force=False, **choice):
    run, settings = done
    chosen = Choice(**choice)
    return export_rows(run, settings, target, kind=kind, choice=chosen, force=force)


def _rows(run):
    group = zarr.open_group(run.store_path, mode="r")
    return group["faces"][...], group["valid"][...], group["label"][...]


def test_every_face_and_no_empty_slot(done, tmp_path):
    faces, valid, _ = _rows(done[0])
    note = _export(done, tmp_path / "a.npz")
    found = np.load(tmp_path / "a.npz")
    assert note["rows"] == valid.sum() == len(found["row"])
    np.testing.assert_array_equal(found["faces"].reshape(-1, 307200), faces[valid])
    assert (tmp_path / "a.npz").stat().st_size <= note["bytes_planned"]


def test_parts_are_those_of_the_split_and_labels_those_asked_for(done, tmp_path):
    run, settings = done
    _export(done, tmp_path / "a.npz", parts=("train", "test"), labels=("fake",))
    found = np.load(tmp_path / "a.npz")
    members = json.loads(run.split_path.read_text())
    fakes = {v.video_id for v in read_manifest(run.manifest_path) if v.label == 1}
    for part in ("train", "test"):
        ids = set(found["video_id"][found["part"] == part])
        assert ids <= set(members[part]) & fakes
        assert ids
    assert set(found["part"]) == {"train", "test"}
    assert set(found["label"]) == {1}


def test_there_is_a_sentence_where_nothing_is_left(done, tmp_path):
    with pytest.raises(ExportError, match="no face to export"):
        _export(done, tmp_path / "a.npz", labels=("unknown",))


def test_nothing_is_overwritten_unasked(done, tmp_path):
    (tmp_path / "a.npz").write_text("dear")
    with pytest.raises(ExportError, match="--force"):
        _export(done, tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_text() == "dear"
    _export(done, tmp_path / "a.npz", force=True)
    assert np.load(tmp_path / "a.npz")["row"].size


def test_a_folder_of_anything_else_is_never_replaced(done, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("dear")
    with pytest.raises(ExportError, match="was not exported by dfhpc"):
        _export(done, tmp_path / "home", "png", force=True)
    with pytest.raises(ExportError, match="is a folder"):
        _export(done, tmp_path / "home", "npz", force=True)
    assert (tmp_path / "home" / "thesis.tex").exists()


def test_an_export_is_replaced_whole(done, tmp_path):
    _export(done, tmp_path / "out", "png")
    _export(done, tmp_path / "out", "png", force=True, labels=("real",))
    assert not (tmp_path / "out" / "fake").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("kind", ["png", "npz", "arr_0", "parquet"])
def test_a_failure_midway_leaves_nothing(done, tmp_path, monkeypatch, kind):
    calls = iter(range(100))

    def failing(self, rows):
        for block in original(self, rows):
            if next(calls) == 3:
                raise OSError(28, "No space left on device")
            yield block

    original = stage.RowReader.iter_partitions
    monkeypatch.setattr(stage.RowReader, "iter_partitions", failing)
    with pytest.raises(OSError, match="No space"):
        _export(done, tmp_path / "out", kind)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_refused_beforehand(done, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(9, 9, 1_000_000))
    with pytest.raises(ExportError, match=r"needs up to 0\.0 GB, and .* 0\.0 GB free"):
        _export(done, tmp_path / "deep" / "a.npz")
    assert not (tmp_path / "deep").exists()


def test_an_unfinished_run_is_refused(tmp_path, quick_settings):
    run = pipeline.start(tmp_path / "run", quick_settings)
    with pytest.raises(IncompleteStageError, match="dfhpc extract"):
        _export((run, quick_settings), tmp_path / "a.npz")


def test_exported_crops_come_back_as_the_same_rows(done, tmp_path):
    run, _ = done
    _export(done, tmp_path / "out", "png")
    wanted = {"data.path": str(tmp_path / "out"), "extract.images": "crops"}
    settings = importing.resolve_import(
        tmp_path / "again", None, wanted | {"cluster.workers": 0}, NO_OPTIONS
    )
    again = pipeline.start(tmp_path / "again", settings)
    pipeline.run_stages(again, settings, ("scan", "extract"), _ignore)
    videos, names = read_manifest(run.manifest_path), {}
    for video, name in zip(
        videos, png.file_names(v.video_id for v in videos), strict=True
    ):
        names[f"{video.label_name}/{name}"] = video.video_id
    faces, valid, _ = _rows(run)
    found, there, labels = _rows(again)
    size, before = settings.extract.frames_per_video, len(valid) // len(videos)
    place = {video.video_id: at for at, video in enumerate(videos)}
    assert valid.sum() == there.sum()
    for at, video in enumerate(read_manifest(again.manifest_path)):
        first = place[names[video.video_id]] * before
        kept = valid[first : first + before]
        expected = faces[first : first + before][kept]
        slots = slice(at * size, at * size + len(expected))
        np.testing.assert_array_equal(found[slots], expected)
        assert set(labels[slots]) == {video.label}
