"""The figures of many videos, on few."""

import json
import os
import time

import pytest
from click.testing import CliRunner

from benchmarks import big, scale
from benchmarks.dispatch import growth_bytes
from benchmarks.speedup import busy_span
from dfhpc.runs import RunDirectory, read_json
from dfhpc.stages import evaluate, extract, scan, train

KEYS = {"plan_s", "ms_per_partition", "scheduler_rss_bytes", "rerun_s", "speedup_2"}


@pytest.fixture
def files(tmp_path):
    return big.make_files(tmp_path / "data", 80)


def _marks(run_dir):
    return sorted(RunDirectory(run_dir).partitions_dir.glob("[0-9]*.json"))


def test_files_are_a_clip_and_a_forgery_of_each_person(files):
    assert len(list(files.rglob("*.mp4"))) == 80
    assert (
        files / "manipulated_sequences/Deepfakes/c23/videos/000007_000006.mp4"
    ).exists()
    assert big.make_files(files, 80) == files


def test_a_plan_ends_at_the_first_unit_and_extracts_nothing(files, tmp_path):
    run = RunDirectory(tmp_path / "run")
    seconds = big.plan(str(run.path), str(files), time.time())
    assert 0 < seconds < 60
    assert run.split_path.exists()
    assert (run.store_path / "zarr.json").exists()
    assert not extract.is_done(run)
    assert not _marks(run.path)


def test_an_unfinished_run_lacks_marks_and_stays_so(files, tmp_path):
    big.leave_unfinished(tmp_path / "run", files)
    marks = _marks(tmp_path / "run")
    assert len(marks) == 39
    big.leave_unfinished(tmp_path / "run", files)
    assert _marks(tmp_path / "run") == marks
    big.plan(str(tmp_path / "run"), str(files), time.time())
    assert _marks(tmp_path / "run") == marks


def test_a_finished_run_is_one_for_dfhpc(files, tmp_path, dfhpc):
    big.finish_run(tmp_path / "run", files)
    run = RunDirectory(tmp_path / "run")
    settings = scan.load_settings(run)
    assert extract.is_done(run)
    assert train.is_done(run, settings)
    assert evaluate.is_done(run, settings)
    counts = read_json(run.extracted_path)["videos"]
    assert counts == {"ok": 64, "partial": 0, "no_face": 16, "error": 0}
    done = dfhpc("run", "--run-dir", run.path)
    assert "is finished; nothing is left to do" in done.stderr


def test_partitions_cost_the_driver_time_and_memory():
    found = scale.measure_dispatch(30, 1)
    assert found["partitions"] == 30
    assert found["ms_per_partition"] > 0
    assert found["scheduler_rss_bytes"] > 10**7


def test_growth_is_counted_from_a_tenth():
    assert growth_bytes([10, 20, *[21] * 7, 25]) == 5


def test_too_few_clips_are_refused():
    assert busy_span([1.0, 2.0, 3.0], 1) == (1.0, 3.0, 2)
    with pytest.raises(ValueError, match="too few for 2 workers"):
        busy_span([1.0, 2.0, 3.0], 2)


@pytest.mark.slow
def test_the_program_prints_all_figures(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 2.0, 1.0))
    options = ["--videos", "64", "--repeats", "1", "--detector", "haar", "--json"]
    done = CliRunner().invoke(
        scale.main, [*options, "--folder", str(tmp_path), "--data", str(clips)]
    )
    assert done.exit_code == 0, done.output
    assert "Warning: the load is 3.0" in done.output
    found = json.loads(done.output.splitlines()[-1])
    assert found.keys() >= KEYS
    assert found["videos"] == 64
    assert found["load_at_start"] == 3.0
    assert found["speedup_2"] > 0
    assert found["cores_per_worker"].keys() == {"1", "2"}
    assert len(_marks(tmp_path / "videos-64" / "workers-2")) == 24
