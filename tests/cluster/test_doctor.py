"""dfhpc doctor on a real SLURM, its faults provoked one by one."""

import getpass
import json
import signal
import subprocess
import sys
import time

import pytest

from dfhpc.cluster_config import parse_cluster
from dfhpc.doctor.examine import choose, examine
from dfhpc.doctor.visit import Visit
from dfhpc.recipes import parse_settings
from tests.cluster.slurm_site import NODES

NODE_PROBES = {
    *("python", "imports", "shared", "visible", "rename", "exclusive", "connect"),
    *("clock", "interface", "submit", "scratch", "memory", "cores", "processor"),
    *("threads", "mtcnn", "haar"),
}


def use(monkeypatch, environment):
    """Let this process be one on the login node of a site."""
    for name in ("PATH", "SLURM_CONF", "LSF_ENVDIR"):
        monkeypatch.delenv(name, raising=False)
        if name in environment:
            monkeypatch.setenv(name, environment[name])


@pytest.fixture
def on_slurm(fresh_slurm, monkeypatch):
    use(monkeypatch, fresh_slurm.environment)
    return fresh_slurm


def ask(folder, *only, kind="slurm", cluster=None, **visit):
    """Return findings by place and probe."""
    keys = {**parse_cluster(kind, None), "memory_limit": "1GiB", **(cluster or {})}
    settings = parse_settings({"cluster": keys}, "test")
    folder.mkdir(exist_ok=True)
    asked = Visit(settings, folder, **{"wait_s": 60, "grace_s": 0.2, **visit})
    found = {(one.where, one.probe): one for one in examine(asked, choose(kind, only))}
    assert list(folder.iterdir()) == [], "something is left in the folder"
    return found


def states(found):
    return {name: one.state for name, one in found.items()}


@pytest.mark.slow
def test_all_is_well_on_slurm(slurm, tmp_path):
    command = [sys.executable, "-m", "dfhpc", "doctor", "--cluster", "slurm", "--json"]
    done = subprocess.run(
        [*command, "--run-dir", tmp_path / "not" / "yet", "--set", "cluster.workers=2"],
        env=slurm.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert [one for one in found if one["state"] == "failure"] == []
    assert done.returncode == 0, done.stderr
    on_node = {one["probe"]: one for one in found if one["where"] == "node"}
    assert on_node.keys() == NODE_PROBES
    skipped = {name for name, one in on_node.items() if one["state"] == "skipped"}
    assert skipped <= {"interface", "mtcnn", "haar"}
    assert set(found[0]) == {"probe", "where", "state", "found", "remedy"}
    assert "is running on n" in done.stderr
    assert slurm.jobs() == []
    assert list(tmp_path.iterdir()) == []


def test_no_controller(on_slurm, tmp_path):
    on_slurm.stop_controller()
    found = ask(tmp_path / "f", "commands", "controller", "queue", "job", "cores")
    assert states(found) == {
        ("login", "folder"): "warning",
        ("login", "commands"): "ok",
        ("login", "controller"): "failure",
        ("login", "queue"): "skipped",
        ("login", "job"): "skipped",
        ("node", "cores"): "skipped",
    }
    controller = found["login", "controller"]
    assert "slurm" in controller.found.lower()
    assert "scontrol ping" in controller.remedy


def test_no_accounting(on_slurm, tmp_path):
    on_slurm.stop_accounting()
    found = ask(tmp_path / "f", "accounting", "limits")
    assert found["login", "accounting"].state == "warning"
    assert "dfhpc usage" in found["login", "accounting"].remedy
    assert found["login", "limits"].state == "skipped"


@pytest.mark.usefixtures("on_slurm")
def test_a_queue_that_is_not_there(tmp_path):
    cluster = {"queue": "nope"}
    found = ask(tmp_path / "f", "queue", "request", "job", cluster=cluster)
    assert "There is no queue nope; there are main, short" in (
        found["login", "queue"].found
    )
    assert found["login", "request"].state == "skipped"
    # The batch system's own words.
    assert "invalid partition specified: nope" in found["login", "job"].found


@pytest.mark.usefixtures("on_slurm")
def test_what_a_queue_does_not_allow(tmp_path):
    cluster = {"driver_queue": "short", "memory_limit": "90GB"}
    found = ask(tmp_path / "f", "walltime", "request", cluster=cluster)
    walltime = found["login", "walltime"]
    assert "driver's walltime of 12h is over the 2m of queue short" in walltime.found
    assert walltime.remedy.startswith('cluster.walltime = "2m"')
    request = found["login", "request"]
    assert "refuse the worker's job" in request.found
    assert "node configuration is not available" in request.found


def test_limits_of_jobs(on_slurm, tmp_path):
    user = ("sacctmgr", "-i", "modify", "user", getpass.getuser(), "set")
    try:
        assert on_slurm.run(*user, "MaxSubmitJobs=3").returncode == 0
        few = ask(tmp_path / "f", "limits", nights=1)["login", "limits"]
        none = ask(tmp_path / "f", "limits", nights=3)["login", "limits"]
    finally:
        on_slurm.run(*user, "MaxSubmitJobs=-1")
    assert (few.state, few.remedy) == ("warning", "cluster.workers = 2")
    assert (none.state, none.remedy) == ("failure", "--nights 2, or --workers-in-job")
    enough = ask(tmp_path / "f", "limits", nights=3)["login", "limits"]
    assert enough.state == "ok"
    cluster = {"account": "strangers"}
    stranger = ask(tmp_path / "f", "limits", cluster=cluster)["login", "limits"]
    assert "knows no account strangers" in stranger.found


def test_a_job_that_does_not_start(on_slurm, tmp_path):
    told = []
    cluster = {"extra_directives": ["--begin=now+1hour"]}
    found = ask(
        tmp_path / "f", "job", "cores", cluster=cluster, wait_s=1, tell=told.append
    )
    assert "No job started within 1 s" in found["login", "job"].found
    assert "BeginTime" in found["login", "job"].found
    assert "--wait" in found["login", "job"].remedy
    assert found["node", "cores"].state == "skipped"
    assert any("pending: BeginTime" in words for words in told)
    assert on_slurm.jobs() == []


@pytest.mark.usefixtures("on_slurm")
def test_no_node_is_left(tmp_path):
    cluster = {"exclude_nodes": list(NODES)}
    found = ask(tmp_path / "f", "job", cluster=cluster, wait_s=1)["login", "job"]
    assert found.state == "failure"


def test_a_node_on_which_jobs_leave_nothing(on_slurm, tmp_path):
    for name in NODES:
        on_slurm.break_node(name)
    found = ask(tmp_path / "f", "job")["login", "job"]
    assert "(FAILED) on n" in found.found
    assert "left nothing in" in found.found
    assert 'cluster.exclude_nodes = ["n' in found.remedy


@pytest.mark.usefixtures("on_slurm")
def test_a_python_that_the_node_does_not_have(tmp_path):
    found = ask(tmp_path / "f", "job", python="/nowhere/bin/python")["login", "job"]
    assert "there is no /nowhere/bin/python" in found.found


@pytest.mark.usefixtures("on_slurm")
def test_a_job_in_which_dfhpc_does_not_start(tmp_path):
    cluster = {"setup": ["export PYTHONHOME=/nowhere"]}
    found = ask(tmp_path / "f", "job", cluster=cluster)["login", "job"]
    assert "dfhpc does not start" in found.found
    assert "encodings" in found.found
    assert "cluster.setup" in found.remedy


@pytest.mark.usefixtures("on_slurm")
def test_what_is_wrong_on_a_node(tmp_path):
    cluster = {
        "setup": ["export OMP_NUM_THREADS=999", "export PATH=/nowhere"],
        "interface": "nope0",
        "local_directory": "/dev/shm",
        "tls": False,
    }
    probes = ("address", "tls", "threads", "submit", "scratch", "interface", "connect")
    found = ask(tmp_path / "f", *probes, cluster=cluster)
    assert (
        states(found).items()
        >= {
            ("login", "address"): "warning",
            ("login", "tls"): "warning",
            ("login", "job"): "ok",
            ("node", "threads"): "warning",
            ("node", "submit"): "failure",
            ("node", "scratch"): "warning",
            ("node", "interface"): "failure",
            ("node", "connect"): "ok",
        }.items()
    )
    assert found["node", "submit"].found == "The node has no sbatch, squeue, scancel."
    assert "--workers-in-job" in found["node", "submit"].remedy
    assert "unset OMP_NUM_THREADS" in found["node", "threads"].remedy
    assert "tmpfs" in found["node", "scratch"].found
    assert "by TCP" in found["node", "connect"].found


@pytest.mark.usefixtures("on_slurm")
def test_a_fact_that_cannot_be_had(tmp_path):
    cluster = {"local_directory": "/proc/nowhere"}
    found = ask(tmp_path / "f", "scratch", "cores", cluster=cluster)
    assert found["node", "scratch"].state == "failure"
    assert "/proc/nowhere" in found["node", "scratch"].found
    assert found["node", "cores"].state == "ok"


@pytest.mark.usefixtures("on_slurm")
def test_a_node_that_does_not_reach_this_host(tmp_path, monkeypatch):
    # An address of this host at which nobody listens.
    nobody = property(lambda self: 9, lambda self, value: None)
    monkeypatch.setattr("dfhpc.doctor.order.own_address", lambda name: "127.0.0.1")
    monkeypatch.setattr("dfhpc.doctor.door.Door.port", nobody, raising=False)
    found = ask(tmp_path / "f", "connect", "clock", "visible")
    assert found["node", "connect"].state == "warning"
    assert "Connection refused" in found["node", "connect"].found
    assert "dfhpc submit" in found["node", "connect"].remedy
    assert found["node", "clock"].state == "skipped"
    assert found["node", "visible"].state == "skipped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_job_is_left_by_one_who_stops_it(on_slurm, tmp_path, number):
    command = [sys.executable, "-m", "dfhpc", "doctor", "--cluster", "slurm"]
    later = 'cluster.extra_directives=["--begin=now+1hour"]'
    process = subprocess.Popen(
        [*command, "--only", "job", "--run-dir", tmp_path, "--set", later],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "pending" not in (line := process.stderr.readline()):
        assert line, "it ended before its job was pending"
    assert len(on_slurm.jobs()) == 1
    process.send_signal(number)
    process.communicate(timeout=240)
    assert process.returncode == 75
    deadline = time.monotonic() + 30
    while on_slurm.jobs():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def on_lsf(lsf, fresh_slurm, monkeypatch):
    del fresh_slurm
    use(monkeypatch, lsf.environment)
    return lsf


def tell_version(site, monkeypatch, tmp_path, text):
    """Put an lsid beside the double's commands, which tell no version."""
    path = tmp_path / "lsid"
    path.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{site.environment['PATH']}")


def test_a_job_of_lsf(on_lsf, tmp_path, monkeypatch):
    tell_version(on_lsf, monkeypatch, tmp_path, "IBM Spectrum LSF Standard 10.1.0.9")
    probes = ("units", "stdin", "accounting", "connect", "submit", "rename", "cores")
    found = ask(tmp_path / "f", *probes, kind="lsf")
    assert states(found) == {
        ("login", "folder"): "warning",
        ("login", "commands"): "ok",
        ("login", "controller"): "ok",
        ("login", "accounting"): "warning",
        ("login", "units"): "ok",
        ("login", "job"): "ok",
        ("login", "stdin"): "ok",
        ("node", "connect"): "ok",
        ("node", "submit"): "ok",
        ("node", "rename"): "ok",
        ("node", "cores"): "ok",
    }


@pytest.mark.usefixtures("on_lsf")
def test_a_job_of_lsf_by_its_command_line(tmp_path):
    cluster = {"use_stdin": False}
    found = ask(tmp_path / "f", "job", "stdin", kind="lsf", cluster=cluster)
    assert found["login", "job"].state == "ok"
    assert found["login", "stdin"].state == "skipped"


def test_what_lsf_refuses(on_lsf, tmp_path, monkeypatch):
    cluster = {"queue": "nope"}
    found = ask(tmp_path / "f", "units", "job", "stdin", kind="lsf", cluster=cluster)
    assert "do not tell their version" in found["login", "commands"].found
    assert found["login", "units"].state == "warning"
    assert "nope: No such queue" in found["login", "job"].found
    assert found["login", "stdin"].state == "skipped"
    tell_version(on_lsf, monkeypatch, tmp_path, "Platform LSF 9.1.3.0, Jul 04 2014")
    units = ask(tmp_path / "f", "units", kind="lsf")["login", "units"]
    assert units.state == "failure"
    assert units.remedy.startswith('cluster.memory_unit = "KB"')
    cluster = {"memory_unit": "MB"}
    units = ask(tmp_path / "f", "units", kind="lsf", cluster=cluster)["login", "units"]
    assert "lsf.conf says KB" in units.found
