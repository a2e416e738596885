import json
import os
import socket
import time

import pytest

from dfhpc.reporting import progress_writer
from dfhpc.reporting.progress import progress
from dfhpc.reporting.progress_writer import Task, note_stage, progress_written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.json"


def _read(path):
    return json.loads(path.read_text())


def _wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def test_without_a_file_nothing_is_written(tmp_path):
    note_stage("extract")
    with progress("Extracting", 3, "partition") as advance:
        advance(1)
    assert not list(tmp_path.iterdir())


def test_the_end_of_a_block_is_written(path):
    with progress_written(path):
        note_stage("extract")
        found = _read(path)
        assert (found["stage"], found["label"]) == ("extract", None)
        with progress("Extracting", 8, "partition", done=2) as advance:
            advance(3)
            advance(1)
        found = _read(path)
    assert (found["pid"], found["host"]) == (os.getpid(), socket.gethostname())
    assert (found["stage"], found["label"]) == ("extract", "Extracting")
    counted = ("unit", "done", "total", "done_at_start")
    assert [found[name] for name in counted] == ["partition", 6, 8, 2]
    assert found["attempt_per_minute"] > 0
    assert found["started_t"] <= found["updated_t"] <= time.time()
    assert [each.name for each in path.parent.iterdir()] == ["progress.json"]


def test_units_are_written_now_and_then_but_not_each(path, monkeypatch):
    written = []
    real = progress_writer.ProgressWriter.write
    monkeypatch.setattr(
        progress_writer.ProgressWriter,
        "write",
        lambda writer: written.append(1) or real(writer),
    )
    with progress_written(path), progress("Extracting", 10**5, "partition") as advance:
        for _ in range(10**5):
            advance(1)
        during = len(written)
    assert _read(path)["done"] == 10**5
    assert during < 10**3


def test_the_last_unit_before_a_long_one_is_seen(path, monkeypatch):
    monkeypatch.setattr(progress_writer, "WRITE_EVERY_S", 0.01)
    with progress_written(path), progress("Training svm", 10, "step") as advance:
        advance(1)
        _wait_for(lambda: path.exists() and _read(path)["done"] == 1)


def test_an_inner_block_is_shown_and_then_the_outer_again(path, monkeypatch):
    monkeypatch.setattr(progress_writer, "WRITE_EVERY_S", 0.01)
    with progress_written(path), progress("Training svm", 3, "step") as outer:
        outer(1)
        with progress("Gram matrix", 5, "unit") as inner:
            inner(2)
            _wait_for(lambda: path.exists() and _read(path)["label"] == "Gram matrix")
        _wait_for(lambda: _read(path)["label"] == "Training svm")
        assert _read(path)["done"] == 1


def _fail_after(count):
    with progress("Extracting", 3, "partition") as advance:
        advance(count)
        raise KeyError


def test_an_error_in_the_block_leaves_what_was_done(path):
    with progress_written(path), pytest.raises(KeyError):
        _fail_after(1)
    assert _read(path)["done"] == 1


def test_a_full_disk_does_not_end_the_work(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress_writer.os, "replace", full)
    with progress_written(path), progress("Extracting", 3, "partition") as advance:
        note_stage("extract")
        advance(3)
    assert not list(path.parent.iterdir())


class TestRates:
    @pytest.fixture
    def clock(self, monkeypatch):
        class Clock:
            now = 1000.0

        monkeypatch.setattr(progress_writer.time, "monotonic", lambda: Clock.now)
        return Clock

    def test_none_before_the_first_unit(self, clock):
        task = Task("Extracting", "partition", 10, 5)
        clock.now += 60
        assert task.recent_per_minute() is None
        assert task.attempt_per_minute() is None

    def test_units_done_before_do_not_count(self, clock):
        task = Task("Extracting", "partition", 10, 5)
        clock.now += 30
        task.advance(1)
        assert task.attempt_per_minute() == 2
        assert task.recent_per_minute() == 2

    def test_the_recent_rate_forgets_a_slow_start(self, clock):
        task = Task("Extracting", "partition", 10**6, 0)
        clock.now += 3600
        for _ in range(400):
            clock.now += 3
            task.advance(2)
        assert task.recent_per_minute() == pytest.approx(40)
        assert task.attempt_per_minute() == pytest.approx(10)

    def test_slow_units_that_end_in_volleys(self, clock):
        task = Task("Training", "step", 1000, 0)
        for _ in range(20):
            clock.now += 600
            for _ in range(4):
                clock.now += 1
                task.advance(1)
        assert task.recent_per_minute() == pytest.approx(0.4, rel=0.2)
