"""Killed at random moments with the signal that nothing can catch, and resumed."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from dfhpc.constants import EXIT_RESUMABLE
from dfhpc.demo.clips import real_frames
from dfhpc.runs import RunDirectory, read_json
from tests.stages.test_extract import assert_equal_stores

MODELS = ("svm", "logistic_regression", "random_forest", "sgd")

SETTINGS = (
    *("--detector", "haar", "--frames-per-video", "4", "--workers", "2"),
    *("--models", ",".join(MODELS)),
    *("--set", "extract.stride=8", "--set", "train.sgd.epochs=2"),
    *("--set", "train.random_forest.num_trees=4"),
    *("--set", "train.random_forest.columns_per_tree=256"),
)


def _command(data, run_dir, *more):
    base = [sys.executable, "-m", "dfhpc", "run", "--data", data, "--run-dir", run_dir]
    return [str(part) for part in [*base, *SETTINGS, *more]]


def _start(data, run_dir, *more, terminal=False):
    """Start a run; as from a ``terminal`` in a process group of its own."""
    return subprocess.Popen(
        _command(data, run_dir, *more),
        start_new_session=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(data, run_dir, *more):
    process = _start(data, run_dir, *more)
    _, errors = process.communicate(timeout=800)
    assert process.returncode == 0, errors
    return errors


def _marks(run_dir):
    return len(list((Path(run_dir) / "partitions").glob("0*.json")))


def _wait_for(condition, process, timeout_s=90.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def _workers(process):
    """Return the worker processes below a driver."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            line = " ".join(child.cmdline())
        except psutil.NoSuchProcess:
            continue
        if "spawn_main" in line:
            found.append(child)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, clips):
    run_dir = tmp_path_factory.mktemp("undisturbed") / "run"
    _finish(clips, run_dir)
    return RunDirectory(run_dir)


def _assert_same_results(run_dir, undisturbed):
    run = RunDirectory(Path(run_dir))
    assert_equal_stores(run, undisturbed)
    for path in (run.manifest_path, run.split_path, run.extracted_path):
        other = undisturbed.path / path.relative_to(run.path)
        assert path.read_bytes() == other.read_bytes()
    for name in MODELS:
        digests = [
            read_json(each.model_path(name))["files"] for each in (run, undisturbed)
        ]
        assert digests[0] == digests[1]


@pytest.mark.slow
def test_driver_killed_at_five_random_moments_of_extraction(
    tmp_path, clips, undisturbed
):
    run_dir = tmp_path / "run"
    rng = random.Random(20)
    interrupted = 0
    for count in sorted(rng.sample(range(1, 17), 5)):
        process = _start(clips, run_dir)
        _wait_for(lambda count=count: _marks(run_dir) >= count, process)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.communicate()
        interrupted += not RunDirectory(run_dir).extracted_path.exists()
    assert interrupted == 5
    before = {
        path: path.stat().st_mtime_ns
        for path in (run_dir / "partitions").glob("0*.json")
    }
    assert before
    _finish(clips, run_dir)
    # What was done before the last kill was not done again.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert read_json(RunDirectory(run_dir).extracted_path)["quarantined"] == 0
    _assert_same_results(run_dir, undisturbed)


@pytest.mark.slow
def test_workers_killed_on_the_way(tmp_path, clips, undisturbed):
    run_dir = tmp_path / "run"
    process = _start(clips, run_dir)
    for count in (3, 9, 15):
        _wait_for(lambda count=count: _marks(run_dir) >= count, process)
        workers = _workers(process)
        if workers:
            workers[0].kill()
    _, errors = process.communicate(timeout=800)
    assert process.returncode == 0, errors
    _assert_same_results(run_dir, undisturbed)


@pytest.mark.slow
def test_everything_killed_at_once(tmp_path, clips, undisturbed):
    run_dir = tmp_path / "run"
    process = _start(clips, run_dir, terminal=True)
    _wait_for(lambda: _marks(run_dir) >= 7, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _finish(clips, run_dir)
    _assert_same_results(run_dir, undisturbed)


def _kill_its_readers(run, process, victim, times):
    """Kill each worker that is seen to read a video, so many times."""
    killed = set()
    while len(killed) < times:
        assert process.poll() is None, process.stderr.read()
        for path in run.partitions_dir.glob("*.current"):
            with contextlib.suppress(FileNotFoundError, ValueError):
                _, _, pid, video_id = path.read_text().split("\n", 3)
                if video_id == victim and pid not in killed:
                    os.kill(int(pid), signal.SIGSTOP)
                    if path.exists():
                        killed.add(pid)
                    os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.001)


@pytest.fixture
def with_a_large_video(tmp_path, clips):
    """Return a copy of the clips, and the id of one that takes seconds to read."""
    data = tmp_path / "data"
    shutil.copytree(clips, data)
    victim = "original_sequences/youtube/c23/videos/002.mp4"
    assert (data / victim).exists()
    with av.open(str(data / victim), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 1920
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for pixels in real_frames(2, 24):
            large = np.kron(pixels, np.ones((6, 6, 1), np.uint8))
            picture = av.VideoFrame.from_ndarray(large, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return data, victim


@pytest.mark.slow
def test_a_video_that_kills_its_workers_is_quarantined(tmp_path, with_a_large_video):
    clips, victim = with_a_large_video
    run_dir = tmp_path / "run"
    run = RunDirectory(run_dir)
    process = _start(
        clips, run_dir, "--frames-per-video", "24", "--set", "extract.stride=1"
    )
    _kill_its_readers(run, process, victim, times=3)
    _, errors = process.communicate(timeout=800)
    assert process.returncode == 0, errors
    report = read_json(run.extracted_path)
    assert report["quarantined"] == 1
    assert [(p["video_id"], p["reason"]) for p in report["without_faces"]] == [
        (victim, "quarantined")
    ]
    assert "1 of 3 times" in errors
    assert "3 of 3 times" in errors
    # The next night does not try it again either, and says so.
    assert read_json(run.deaths_path) == {victim: 3}


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR2, signal.SIGINT])
def test_signals_stop_cleanly_and_resumably(tmp_path, clips, undisturbed, signum):
    run_dir = tmp_path / "run"
    process = _start(clips, run_dir)
    _wait_for(lambda: _marks(run_dir) >= 4, process)
    process.send_signal(signum)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == EXIT_RESUMABLE, errors
    assert "Give the same command to go on." in errors
    assert "Traceback" not in errors
    assert not (run_dir / "run.lock").exists()
    _finish(clips, run_dir)
    _assert_same_results(run_dir, undisturbed)


@pytest.mark.slow
def test_ctrl_c_reaches_every_process_of_a_terminal_and_workers_keep_silent(
    tmp_path, clips
):
    process = _start(clips, tmp_path / "run", terminal=True)
    _wait_for(lambda: _marks(tmp_path / "run") >= 3, process)
    workers = _workers(process)
    workers[0].kill()
    _wait_for(lambda: _marks(tmp_path / "run") >= 9, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == EXIT_RESUMABLE, errors
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [1.0, 1.6, 2.4])
def test_ctrl_c_while_workers_start_is_not_lost(tmp_path, clips, delay_s):
    process = _start(clips, tmp_path / "run", terminal=True)
    _wait_for((tmp_path / "run" / "config.json").exists, process)
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == EXIT_RESUMABLE, errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_second_copy_of_the_same_command_is_refused(tmp_path, clips):
    run_dir = tmp_path / "run"
    first = _start(clips, run_dir)
    _wait_for(lambda: _marks(run_dir) >= 1, first)
    second = subprocess.run(
        _command(clips, run_dir), capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"in use by process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    _, errors = first.communicate(timeout=800)
    assert first.returncode == 0, errors


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "gram.zarr/standardized-*/parts",
        "models/sgd/scale.npz",
    ],
)
def test_training_killed_and_resumed(tmp_path, clips, undisturbed, moment):
    run_dir = tmp_path / "run"
    run = RunDirectory(run_dir)
    process = _start(clips, run_dir)
    _wait_for(lambda: any(run.path.glob(moment)), process)
    process.kill()
    process.communicate()
    assert not run.evaluation_path.exists()
    _finish(clips, run_dir)
    _assert_same_results(run_dir, undisturbed)
