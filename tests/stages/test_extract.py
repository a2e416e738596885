import json

import numpy as np
import pytest
import zarr

from dfhpc import pipeline
from dfhpc.cluster import signals
from dfhpc.errors import IncompleteStageError, StoppedError
from dfhpc.extraction import partition as extraction_partition
from dfhpc.extraction.finalize import missing_partitions
from dfhpc.extraction.partition import run_partition
from dfhpc.runs import read_json
from dfhpc.stages import extract as stage
from dfhpc.videos.manifest import read_manifest


def arrays(run):
    """Return every array of a store, by name."""
    group = zarr.open_group(run.store_path, mode="r")
    return {name: group[name][...] for name in group.array_keys()}


def assert_equal_stores(one, other):
    left, right = arrays(one), arrays(other)
    assert left.keys() == right.keys()
    for name, values in left.items():
        np.testing.assert_array_equal(values, right[name], err_msg=name)


def _nothing(stage_name, result):
    pass


def _start(folder, settings):
    run = pipeline.start(folder, settings)
    pipeline.run_stages(run, settings, ("scan",), _nothing)
    return run


def _extract(run, settings):
    return pipeline.run_stages(run, settings, ("extract",), _nothing)


@pytest.fixture(scope="module")
def done(tmp_path_factory, clips):
    """Return a finished extraction and its settings."""
    from dfhpc.recipes import parse_settings
    from tests.conftest import QUICK

    settings = parse_settings({**QUICK, "data": {"path": str(clips)}}, "test")
    run = _start(tmp_path_factory.mktemp("done") / "run", settings)
    _extract(run, settings)
    return run, settings


def test_rows_lie_where_the_manifest_says(done):
    run, settings = done
    videos = read_manifest(run.manifest_path)
    found = arrays(run)
    size = settings.extract.frames_per_video
    for position, video in enumerate(videos):
        slots = slice(position * size, (position + 1) * size)
        assert (found["video"][slots] == position).all()
        assert (found["label"][slots] == video.label).all()
        assert found["frame_index"][slots].tolist() == [0, 8, 16, 24]
    assert found["valid"].mean() > 0.8
    assert (found["faces"][found["valid"]].std(axis=1) > 10).all()
    assert not found["faces"][~found["valid"]].any()


def test_faces_are_what_extracting_a_video_gives(done):
    from pathlib import Path

    from dfhpc.extraction.video import extract_video

    run, settings = done
    videos = read_manifest(run.manifest_path)
    found = arrays(run)
    for position in (0, len(videos) - 1):
        video = videos[position]
        _, faces = extract_video(video.video_id, Path(video.path), settings.extract)
        for slot, face in enumerate(faces):
            row = position * settings.extract.frames_per_video + slot
            assert found["valid"][row] == (face is not None)
            if face is not None:
                np.testing.assert_array_equal(found["faces"][row], face.reshape(-1))


def test_runs_twice_with_the_same_bytes(done, tmp_path):
    run, settings = done
    again = _start(tmp_path / "again", settings)
    _extract(again, settings)
    assert_equal_stores(run, again)
    files = {p.relative_to(run.store_path) for p in run.store_path.rglob("*")}
    assert files == {
        p.relative_to(again.store_path) for p in again.store_path.rglob("*")
    }
    for name in files:
        if (run.store_path / name).is_file():
            left, right = run.store_path / name, again.store_path / name
            assert left.read_bytes() == right.read_bytes()
    assert read_json(run.extracted_path) == read_json(again.extracted_path)


def test_a_partition_repeated_writes_the_same(done):
    run, _ = done
    before, mark = arrays(run), run.partition_path(3).read_bytes()
    run.partition_path(3).unlink()
    counts = run_partition(run.path, 3, "again")
    assert run.partition_path(3).read_bytes() == mark
    np.testing.assert_array_equal(arrays(run)["faces"], before["faces"])
    # Marked, it is done: an attempt that was lost late is not repeated.
    written = run.partition_path(3).stat()
    assert run_partition(run.path, 3, "once more") == counts
    assert run.partition_path(3).stat() == written


def test_stopped_between_units_and_resumed_does_only_the_rest(
    done, tmp_path, monkeypatch
):
    undisturbed, settings = done
    run = _start(tmp_path / "run", settings)
    counted = []
    real = extraction_partition.run_partition

    def counting(run_dir, index, *rest):
        counted.append(index)
        if len(counted) == 5:
            signals.request_stop()
        return real(run_dir, index, *rest)

    monkeypatch.setattr(stage, "run_partition", counting)
    with pytest.raises(StoppedError):
        _extract(run, settings)
    assert len(counted) == 5
    assert len(missing_partitions(run, 24)) == 19
    assert not run.extracted_path.exists()
    signals.reset()
    _extract(run, settings)
    assert sorted(counted) == list(range(24))
    assert_equal_stores(run, undisturbed)


def test_a_finished_stage_does_nothing(done):
    run, settings = done
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*")}
    assert _extract(run, settings) is False
    assert {p: p.stat().st_mtime_ns for p in run.path.rglob("*")} == before


def test_broken_and_missing_videos_are_recorded_and_stop_nothing(
    tmp_path, clips, quick_settings
):
    data = tmp_path / "data"
    for name, label in (("000", "real"), ("000_001", "fake")):
        (data / label).mkdir(parents=True)
        source = next(clips.rglob(f"{name}.mp4"))
        (data / label / "good.mp4").write_bytes(source.read_bytes())
    (data / "real" / "empty.mp4").write_bytes(b"")
    (data / "fake" / "text.mp4").write_text("no video")
    (data / "fake" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    data_config = quick_settings.data.model_copy(update={"path": data})
    settings = quick_settings.model_copy(update={"data": data_config})
    run = _start(tmp_path / "run", settings)
    _extract(run, settings)
    report = read_json(run.extracted_path)
    assert report["videos"] == {"ok": 2, "partial": 0, "no_face": 0, "error": 3}
    reasons = {p["video_id"]: p["reason"] for p in report["without_faces"]}
    assert reasons == {
        "real/empty.mp4": "empty",
        "fake/text.mp4": "not_a_video",
        "fake/gone.mp4": "missing",
    }
    assert report["classes"]["real"] == {
        "frames": 4, "ok": 4, "no_face": 0, "unreadable": 0, "capture_rate": 1.0,
    }  # fmt: skip
    assert arrays(run)["valid"].sum() == 8


def test_marks_hold_one_outcome_for_every_video(done):
    run, _ = done
    ids = [video.video_id for video in read_manifest(run.manifest_path)]
    marks = sorted(run.partitions_dir.glob("0*.json"))
    recorded = [
        v["video_id"] for m in marks for v in json.loads(m.read_text())["videos"]
    ]
    assert recorded == ids


def test_extraction_needs_a_manifest(tmp_path, quick_settings):
    run = pipeline.start(tmp_path / "run", quick_settings)
    with pytest.raises(IncompleteStageError, match="no manifest"):
        _extract(run, quick_settings)


def test_quarantined_videos_are_recorded_and_not_read(done):
    run, settings = done
    video = read_manifest(run.manifest_path)[0]
    record = extraction_partition.quarantine_record(video.video_id, settings)
    assert (record.status, record.reason) == ("error", "quarantined")
