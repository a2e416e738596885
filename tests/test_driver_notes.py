import os
import socket

import pytest

from dfhpc import driver_notes
from dfhpc.driver_notes import ErrorNote, error_noted, read_note
from dfhpc.errors import ConfigError, RunDirectoryError, StoppedError
from dfhpc.runs import RunDirectory


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name in ("SLURM_JOB_ID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)
    return RunDirectory(tmp_path)


def _fail(run, error):
    with pytest.raises(type(error)), error_noted(run):
        raise error
    return read_note(run.error_path, ErrorNote)


@pytest.mark.parametrize(
    ("error", "message", "exit_code"),
    [
        (ConfigError("There is no such key."), "There is no such key.", 2),
        (OSError(28, "No space left on device", "x"), "No space left on device: x", 1),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero", 1),
    ],
)
def test_an_error_is_noted_and_goes_on(run, error, message, exit_code):
    note = _fail(run, error)
    assert (note.message, note.exit_code) == (message, exit_code)
    assert note.where == f"process {os.getpid()} on {socket.gethostname()}"
    assert note.job_id is None


def test_a_batch_job_is_named(run, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    note = _fail(run, ConfigError("No."))
    assert note.where == f"job 12 on {socket.gethostname()}"
    assert note.job_id == "12"


def test_a_stop_is_no_error_and_keeps_the_last_one(run):
    assert _fail(run, StoppedError("Stopped.")) is None
    _fail(run, ConfigError("No."))
    assert _fail(run, StoppedError("Stopped.")).message == "No."


def test_a_good_end_removes_it(run):
    _fail(run, ConfigError("No."))
    with error_noted(run):
        pass
    assert not run.error_path.exists()


def test_a_full_disk_hides_no_error(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(driver_notes, "write_json", full)
    assert _fail(run, ConfigError("No.")) is None


def test_later_keys_do_no_harm_and_missing_ones_are_a_sentence(run):
    run.logs_dir.mkdir()
    text = '{"t": 1, "message": "m", "where": "w", "exit_code": 1, "later": 2}'
    run.error_path.write_text(text)
    assert read_note(run.error_path, ErrorNote).message == "m"
    run.error_path.write_text('{"t": 1}')
    with pytest.raises(RunDirectoryError, match=r"is damaged \(message: "):
        read_note(run.error_path, ErrorNote)
