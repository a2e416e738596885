import json
import os
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest

from dfhpc import locks
from dfhpc.errors import RunLockedError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.lock"


def _write(path, **holder):
    path.write_text(json.dumps({"token": "t", **holder}))


def test_held_while_the_block_runs(path):
    with locks.hold(path):
        assert locks.holder_of(path) == f"{os.getpid()} on {socket.gethostname()}"
    assert not path.exists()
    assert locks.holder_of(path) is None


def test_a_second_holder_is_refused_by_name(path):
    with (
        locks.hold(path),
        pytest.raises(RunLockedError, match=f"process {os.getpid()}"),
        locks.hold(path),
    ):
        pass
    assert not path.exists()


def test_a_lock_of_a_dead_process_is_taken_over(path):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    start = psutil.Process(dead.pid).create_time()
    dead.wait()
    _write(path, host=socket.gethostname(), pid=dead.pid, process_start=start)
    with locks.hold(path):
        assert locks.holder_of(path).startswith(f"{os.getpid()} ")


def test_a_process_id_used_anew_is_not_the_holder(path):
    _write(path, host=socket.gethostname(), pid=os.getpid(), process_start=1.0)
    with locks.hold(path):
        pass


def test_a_lock_of_another_host_counts_until_it_is_stale(path):
    _write(path, host="elsewhere", pid=1, process_start=1.0)
    with pytest.raises(RunLockedError, match="elsewhere"), locks.hold(path):
        pass
    old = time.time() - locks.STALE_S - 5
    os.utime(path, (old, old))
    with locks.hold(path):
        pass


def test_a_damaged_lock_is_stale_after_a_while(path):
    path.write_text("{")
    with pytest.raises(RunLockedError), locks.hold(path):
        pass
    os.utime(path, (1, 1))
    with locks.hold(path):
        pass


def test_a_holder_hears_that_another_has_taken_the_lock(path, monkeypatch):
    monkeypatch.setattr(locks, "REFRESH_S", 0.01)
    lost = threading.Event()
    with locks.hold(path, on_lost=lost.set):
        _write(path, host="rival", pid=1)
        assert lost.wait(10)
    assert path.exists()


def test_a_batch_job_knows_whether_the_job_of_a_lock_lives(path):
    holder = {"host": "elsewhere", "pid": 1, "process_start": 1.0, "job": "slurm 7"}
    _write(path, **holder)
    with (
        pytest.raises(RunLockedError, match=r"process 1 on elsewhere \(job slurm 7\)"),
        locks.hold(path, "slurm 8", lambda job: True),
    ):
        pass
    with locks.hold(path, "slurm 8", lambda job: False):
        pass
    # This very job, on another node before it was queued again.
    _write(path, **holder)
    with locks.hold(path, "slurm 7", lambda job: True):
        pass


def test_a_batch_job_waits_where_it_cannot_be_known(path, monkeypatch):
    monkeypatch.setattr(locks, "STALE_S", 0.3)
    monkeypatch.setattr(locks, "ASK_AGAIN_S", 0.05)
    _write(path, host="elsewhere", pid=1, process_start=1.0)
    with locks.hold(path, "slurm 8"):
        assert json.loads(path.read_text())["job"] == "slurm 8"


def test_the_lock_of_a_rival_is_left_alone(path):
    with locks.hold(path):
        _write(path, host="rival", pid=1)
    assert json.loads(path.read_text())["host"] == "rival"
