import json
import os
import socket
import subprocess
import sys
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


def test_the_lock_of_a_rival_is_left_alone(path):
    with locks.hold(path):
        _write(path, host="rival", pid=1)
    assert json.loads(path.read_text())["host"] == "rival"
