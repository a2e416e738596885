"""Watching a run, as a process of its own."""

import json
import signal
import subprocess
import sys

import pytest

from dfhpc import pipeline
from dfhpc.batch_jobs import BatchJob, read_jobs, record_submitted
from dfhpc.runs import write_json
from dfhpc.status import read_status
from tests.invented_run import begin_run, leave_lock, note_error


@pytest.fixture
def run(tmp_path, quick_settings):
    return begin_run(tmp_path / "run", quick_settings)


@pytest.fixture
def watch():
    """Return a function that begins to watch a run directory."""
    started = []

    def begin(path, *options):
        command = [sys.executable, "-m", "dfhpc", "status", str(path), "--watch"]
        process = subprocess.Popen(
            [*command, "--every", "0.1", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_a_line_a_change_until_ctrl_c(run, watch):
    process = watch(run.path, "--json")
    assert json.loads(process.stdout.readline())["stages"][1]["done"] == 0
    write_json(run.partition_path(3), {"videos": [{"status": "no_face"}]})
    found = json.loads(process.stdout.readline())["stages"][1]
    assert (found["done"], found["failed"]) == (1, 1)
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=240)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_block_a_change_as_text(run, watch):
    process = watch(run.path)
    lines = iter(process.stdout.readline, "")
    assert any("0 of 24 partitions" in line for line in lines)
    write_json(run.partition_path(3), {"videos": []})
    assert any("1 of 24 partitions" in line for line in lines)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    assert "stage" not in rest
    assert "\033" not in rest


def test_an_error_without_a_driver_to_come_ends_it(run, watch):
    process = watch(run.path)
    process.stdout.readline()
    note_error(run)
    rest, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (1, "")
    assert "Too bad." in rest


def test_a_driver_that_was_killed_ends_it(run, watch):
    process = watch(run.path)
    process.stdout.readline()
    leave_lock(run, job="slurm 1")
    rest, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (1, "")
    assert "has ended" in rest


def test_a_finished_run_ends_it(tmp_path, clips, quick_settings, watch, monkeypatch):
    settings = quick_settings.model_copy(
        update={"train": quick_settings.train.model_copy(update={"models": ("svm",)})}
    )
    run = pipeline.start(tmp_path / "run", settings)
    process = watch(run.path, "--json")
    assert not json.loads(process.stdout.readline())["finished"]
    pipeline.run_stages(run, settings, pipeline.STAGES, lambda *_: None)
    out, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (0, "")
    found = [json.loads(line) for line in out.splitlines()]
    assert [f["finished"] for f in found] == [False] * (len(found) - 1) + [True]
    assert any(f["task"] and f["task"]["stage"] == "extract" for f in found)
    for job_id in ("9", "10"):
        job = BatchJob(job_id, "n", "slurm", "driver", 1, None, None, "")
        record_submitted(run, job)
    assert read_status(run)["drivers_waiting"] == []
    # A link that finds the run finished says that it has ended.
    monkeypatch.setenv("SLURM_JOB_ID", "9")
    assert not pipeline.run_stages(run, settings, pipeline.STAGES, lambda *_: None)
    assert [known.how for known in read_jobs(run)] == ["COMPLETED", None]


def test_on_a_terminal_it_is_drawn_anew(run, monkeypatch):
    from dfhpc import watching

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = []

    def echo(text):
        shown.append(text)
        if len(shown) == 3:
            raise KeyboardInterrupt

    assert watching.watch(run, 0.01, echo, as_json=False) == 0
    assert all(text.startswith(watching.CLEAR) for text in shown)
