"""What others can do to a run while a driver works on it: nothing."""

import json
import os
import stat
import subprocess
import sys
import urllib.request

import pytest

from tests.cluster import knock
from tests.cluster.nights import Night

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def live(slurm, tmp_path_factory, clips):
    """Return a run whose workers stand still, and its driver's job."""
    night = Night(slurm, tmp_path_factory.mktemp("live"), clips)
    (night.driver,) = night.submit()
    night.wait_for_marks(3)
    with night.frozen_workers():
        yield night
    night.dfhpc("cancel", night.run.path)
    night.wait_until_idle()


def test_the_dashboard_answers_where_the_command_says(live):
    found = json.loads(live.dfhpc("dashboard", live.run.path, "--json"))
    with urllib.request.urlopen(found["link"], timeout=30) as answer:
        assert answer.status == 200
    told = f"dashboard: {found['link']} (from elsewhere: {found['ssh']})"
    assert f"3 workers asked of slurm; {told}" in live.log()


@pytest.mark.parametrize("command", ["submit", "run"])
def test_a_second_driver_is_refused_and_told_of_the_first(live, command):
    refused = live.try_dfhpc(command, *live.words, "--cluster", "slurm")
    assert refused.returncode == 1
    assert "is in use by process" in refused.stderr
    assert f"on {os.uname().nodename} (job slurm {live.driver})" in refused.stderr


@pytest.mark.parametrize(
    ("how", "answer"),
    [("own", "in"), ("foreign", "out"), ("none", "out"), ("plain", "out")],
)
def test_only_who_has_the_key_reaches_the_scheduler(live, how, answer):
    words = (live.scheduler_address(), live.run.cluster_dir / "tls", how)
    command = [sys.executable, knock.__file__, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [answer], done.stderr


def test_only_the_owner_can_read_the_keys(live):
    def mode(path):
        return stat.S_IMODE(path.stat().st_mode)

    folder = live.run.cluster_dir / "tls"
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} == {"certificate.pem", "key.pem"}
