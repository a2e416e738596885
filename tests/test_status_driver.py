"""Who works on a run and which jobs it has; and a real run that was killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from dfhpc import journal, pipeline
from dfhpc.batch_jobs import BatchJob, record_ended, record_submitted
from dfhpc.errors import SplitError
from dfhpc.locks import hold, read_holder
from dfhpc.reporting.status_table import status_text
from dfhpc.runs import RunDirectory
from dfhpc.status import read_status
from tests.invented_run import (
    begin_run,
    leave_lock,
    mark,
    note_cluster,
    note_error,
    note_progress,
    one_line,
    stage_of,
)


@pytest.fixture
def run(tmp_path, quick_settings):
    return begin_run(tmp_path / "run", quick_settings)


class TestDriver:
    def test_one_that_died_is_named(self, run):
        mark(run, 0)
        leave_lock(run, job=7)
        note_progress(run)
        status = read_status(run)
        assert (status["working"], status["task"]) == (None, None)
        assert stage_of(status, "extract")["end_t"] is None
        who = f"process {2**22 + 1} on {socket.gethostname()}, job 7"
        text = one_line(status)
        assert f"Not working now: the driver ({who}) has ended; give the same" in text

    def test_one_that_stopped_is_named_by_its_progress(self, run):
        note_progress(run, pid=77, host="n5")
        assert "the driver (process 77 on n5) has ended" in status_text(
            read_status(run)
        )

    def test_nobody_has_begun(self, run):
        assert "Not working now; give the same" in status_text(read_status(run))

    def test_the_job_of_the_lock_is_told(self, run):
        with hold(run.lock_path):
            holder = json.loads(run.lock_path.read_text())
            run.lock_path.write_text(json.dumps(holder | {"job": "7"}))
            assert read_status(run)["working"]["job"] == "7"

    def test_who_may_only_look_takes_the_own_clock(self, run, monkeypatch):
        leave_lock(run, host="elsewhere")

        def refused(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("pathlib.Path.touch", refused)
        assert read_holder(run.lock_path).is_alive
        os.utime(run.lock_path, (1, 1))
        assert not read_holder(run.lock_path).is_alive


class TestJobs:
    def test_workers_and_jobs_of_a_live_driver(self, run):
        with hold(run.lock_path):
            note_cluster(run)
            status = read_status(run)
        assert status["jobs"]["workers"]["pending"] == 1
        assert not status["jobs"]["is_stale"]
        text = one_line(status)
        words = "Workers (slurm): 3 running of 4 wanted, 1 pending (Resources), 2 lost"
        assert f"{words} so far; nodes not used: n3." in text
        assert "13 worker RUNNING n1" in text

    def test_old_news_have_an_age(self, run):
        with hold(run.lock_path):
            note_cluster(run, t=time.time() - 600)
            status = read_status(run)
        assert status["jobs"]["is_stale"]
        assert "as of 10 min ago" in status_text(status)

    def test_those_of_a_dead_driver_too(self, run):
        note_cluster(run)
        text = status_text(read_status(run))
        assert "as of 0 s ago" in text
        assert "RUNNING" not in text

    def _submit(self, run, *ids):
        for name in ids:
            record_submitted(
                run, BatchJob(name, "n", "slurm", "driver", 1, None, None, "")
            )

    def test_a_chain_after_an_error(self, run):
        self._submit(run, "1", "2", "3", "4")
        record_ended(run, "1", "COMPLETED")
        note_error(run)
        status = read_status(run)
        assert status["drivers_waiting"] == ["3", "4"]
        assert not status["failed_for_good"]
        assert "still to come: 3, 4" in status_text(status)
        record_ended(run, "3", "FAILED")
        record_ended(run, "4", "FAILED")
        assert read_status(run)["failed_for_good"]

    def test_a_driver_that_was_killed_has_had_its_turn(self, run):
        self._submit(run, "1", "2")
        leave_lock(run, job="slurm 1")
        status = read_status(run)
        assert status["drivers_waiting"] == ["2"]
        assert not status["failed_for_good"]
        assert "whether they still wait only `squeue` (or `bjobs`)" in one_line(status)
        leave_lock(run, job="slurm 2")
        status = read_status(run)
        assert status["drivers_waiting"] == []
        assert status["failed_for_good"]

    def test_a_link_that_began_has_had_its_turn(self, run):
        self._submit(run, "1", "2")
        journal.append(run.links_path, {"chain": "1", "job_id": "1", "mark": ""})
        assert read_status(run)["drivers_waiting"] == ["2"]

    def test_the_one_at_work_comes_after_an_error(self, run):
        self._submit(run, "1", "2", "3", "4")
        note_error(run)
        with hold(run.lock_path, "slurm 3"):
            assert read_status(run)["drivers_waiting"] == ["4"]

    def test_submitted_again_after_an_error_of_another(self, run):
        journal.append(run.jobs_path, {"event": "other"})
        note_error(run, t=time.time() - 5, job_id=None)
        assert read_status(run)["failed_for_good"]
        self._submit(run, "9")
        assert not read_status(run)["failed_for_good"]


class TestRealRun:
    def test_an_error_stays_until_a_run_ends_well(self, tmp_path, quick_settings):
        settings = quick_settings.model_copy(deep=True)
        grids = {"sgd": {"alpha": [1e-4, 1e-3]}}
        raw = settings.to_json() | {"search": {"grids": grids, "folds": 50}}
        from dfhpc.recipes import parse_settings

        run = pipeline.start(tmp_path / "run", parse_settings(raw, "test"))
        with pytest.raises(SplitError):
            pipeline.run_stages(
                run, parse_settings(raw, "test"), pipeline.STAGES, lambda *_: None
            )
        status = read_status(run)
        assert status["failed_for_good"]
        assert "do not give 50 folds" in status["error"]["message"]
        assert "Last error (" in status_text(status)
        done = pipeline.run_stages(
            run, parse_settings(raw, "test"), ("scan",), lambda *_: None
        )
        assert not done
        assert read_status(run)["error"] is None

    def test_killed_while_extracting(self, tmp_path, clips, dfhpc):
        run = RunDirectory(tmp_path / "run")
        options = ["--detector", "haar", "--frames-per-video", "24", "--workers", "0"]
        options += ["--set", "extract.stride=1", "--models", "svm"]
        command = [sys.executable, "-m", "dfhpc", "run", "--data", str(clips)]
        driver = subprocess.Popen(
            [*command, "--run-dir", str(run.path), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 120
        status = {"task": None}
        while not (status["task"] and status["task"]["per_minute"]):
            assert driver.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
            if run.config_path.exists():
                status = read_status(run)
        assert status["working"]["pid"] == driver.pid
        assert stage_of(status, "extract")["state"] == "working"
        assert status["task"]["end_t"] is not None
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        done = dfhpc("status", run.path)
        assert done.returncode == 0, done.stderr
        assert f"the driver (process {driver.pid} on" in done.stdout
        status = json.loads(dfhpc("status", run.path, "--json").stdout)
        marks = len(list(run.partitions_dir.glob("0*.json")))
        assert stage_of(status, "extract")["done"] == marks > 0
        assert (status["working"], status["error"]) == (None, None)
