"""Probes of this host, and judgments on what others tell."""

import json
import socket
import threading

import pytest

from dfhpc.cluster.slurm_queues import limit_seconds, parse_queues
from dfhpc.doctor import batch_probes, between, here, network, node_probes
from dfhpc.doctor.examine import choose, examine
from dfhpc.doctor.finding import Finding, Outcome
from dfhpc.doctor.limits import judge_limit, judge_walltimes
from dfhpc.doctor.lsf_probes import judge_units, run_limit
from dfhpc.doctor.machine import judge_threads, thread_facts
from dfhpc.doctor.memory import memory_limits
from dfhpc.doctor.registry import PROBES
from dfhpc.doctor.renaming import TIMES, Reader, content, replace_many
from dfhpc.doctor.text import findings_text
from dfhpc.doctor.trying import KNOWN_BOXES, judge_detector, run_trial
from dfhpc.doctor.visit import Visit
from dfhpc.errors import ConfigError
from dfhpc.recipes import parse_settings


def visit(tmp_path, **cluster):
    return Visit(parse_settings({"cluster": cluster}, "test"), tmp_path)


# The command.


def test_no_batch_system_at_all(dfhpc, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    probes = ("--only", "commands", "--only", "job", "--only", "cores")
    done = dfhpc("doctor", "--cluster", "slurm", "--run-dir", tmp_path, *probes)
    assert done.returncode == 1
    assert "There is no sbatch and no squeue and no scancel" in done.stdout
    assert "log in to a login node" in done.stdout
    assert done.stdout.endswith("1 failure, 3 skipped\n")
    found = batch_probes.commands(visit(tmp_path, kind="lsf"))
    assert found.state == "failure"
    assert "no bsub" in found.found


def test_a_recipe_is_read_and_needs_no_data(dfhpc, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[cluster]\nkind = 'slurm'\nscheduler_port = 1\ntls = false\n")
    asked = ("--only", "tls", "--only", "scheduler_port", "--set", "cluster.tls=true")
    done = dfhpc("doctor", recipe, "--run-dir", tmp_path, *asked, "--json")
    found = {one["probe"]: one for one in json.loads(done.stdout)}
    assert found["tls"]["state"] == "ok"
    assert done.returncode == 0, done.stderr


def test_an_unknown_probe_is_refused():
    with pytest.raises(ConfigError, match="no probe stdin for slurm; there are"):
        choose("slurm", ["stdin"])


def test_what_is_needed_is_asked_first():
    names = [(probe.where, probe.name) for probe in choose("lsf", ["cores"])]
    needed = ("folder", "commands", "controller", "job")
    assert names == [*(("login", name) for name in needed), ("node", "cores")]


def test_probes_of_one_kind_bear_different_names():
    for kind in ("local", "slurm", "lsf", "dask"):
        names = [(probe.where, probe.name) for probe in choose(kind)]
        assert len(set(names)) == len(names) > 5
        assert (("node", "cores") in names) == (kind in ("slurm", "lsf"))
    assert {p.where for p in PROBES} == {"login", "node"}


def test_text_is_aligned_and_ends_in_counts():
    findings = [
        Finding("python", "login", "ok", "It is there.", ""),
        Finding("queue", "login", "failure", "There is none.", "cluster.queue = x"),
        Finding("cores", "node", "skipped", "Not tried.", ""),
        Finding("memory", "node", "skipped", "Not tried.", ""),
    ]
    assert findings_text(findings, {"login": "here", "node": "there"}) == (
        "here\n"
        "  ok       python          It is there.\n"
        "  failure  queue           There is none.\n"
        "                           -> cluster.queue = x\n"
        "\n"
        "there\n"
        "  skipped                  cores, memory: Not tried.\n"
        "\n"
        "1 ok, 0 warnings, 1 failure, 2 skipped"
    )


def test_a_folder_that_cannot_be_written(tmp_path):
    asked = visit(tmp_path)
    asked.folder = asked.folder.__class__("/proc/nowhere")
    found = list(examine(asked, choose("local", ["folder"])))
    assert found[0].state == "failure"
    assert "/proc" in found[0].found


# This host.


def test_this_python_is_in_order(tmp_path):
    assert here.python(visit(tmp_path)).state == "ok"
    assert here.libraries(visit(tmp_path)).state == "ok"
    assert here.open_files(visit(tmp_path, kind="slurm")).state == "ok"


def test_a_python_of_this_host_alone(tmp_path):
    asked = visit(tmp_path, kind="slurm")
    asked.python = "/tmp/venv/bin/python"
    assert "every host has a /tmp of its own" in here.python(asked).found
    asked.python = "python"
    assert here.python(asked).state == "failure"


def test_libraries_out_of_range(monkeypatch, tmp_path):
    wanted = ["zarr>=99", "nobody-has-this>=1", 'ruff<0; extra == "dev"']
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wanted)
    found = here.libraries(visit(tmp_path))
    assert found.state == "failure"
    assert found.remedy == "pip install 'zarr>=99' 'nobody-has-this>=1'"


def test_too_few_open_files(tmp_path):
    found = here.open_files(visit(tmp_path, kind="slurm", workers=10_000_000))
    assert found.state == "warning"
    assert "cluster.workers = " in found.remedy or "ulimit -n" in found.remedy


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        found = network.scheduler_port(visit(tmp_path, scheduler_port=port))
        assert found.state == "warning"
        assert f"Port {port} of this host is not to be had: taken" in found.found
    assert network.scheduler_port(visit(tmp_path, scheduler_port=port)).state == "ok"


def test_an_address_that_no_node_finds(tmp_path):
    found = network.address(visit(tmp_path, kind="slurm", interface="lo"))
    assert found.state == "warning"
    assert "127.0.0.1" in found.found


def test_no_dask_scheduler(tmp_path, monkeypatch):
    monkeypatch.setattr("dfhpc.cluster.remote.CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    asked = visit(tmp_path, kind="dask", address=f"tcp://127.0.0.1:{port}")
    assert "No Dask scheduler answers" in network.dask_scheduler(asked).found


def test_commands_that_tell_no_version(tmp_path, monkeypatch):
    for name in ("sbatch", "squeue", "scancel"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    asked = visit(tmp_path, kind="slurm")
    assert batch_probes.commands(asked).state == "warning"
    assert batch_probes.controller(asked).state == "failure"


@pytest.mark.parametrize(
    ("variables", "state"),
    [
        ({}, "ok"),
        ({"OMP_NUM_THREADS": "1"}, "ok"),
        ({"OMP_NUM_THREADS": "2,1"}, "ok"),
        ({"MKL_NUM_THREADS": "0"}, "warning"),
        ({"TF_NUM_INTRAOP_THREADS": "all"}, "warning"),
        ({"OMP_NUM_THREADS": "100000"}, "warning"),
        ({"OPENBLAS_CORETYPE": "SkylakeX"}, "failure"),
    ],
)
def test_variables_about_threads(variables, state):
    facts = thread_facts(variables)
    facts |= {"cores": 4, "coretype": None, "has_avx512": False}
    assert judge_threads(facts).state == state


def test_a_slow_kernel_is_told():
    facts = thread_facts({"OPENBLAS_CORETYPE": "Haswell"})
    facts |= {"coretype": "SkylakeX", "has_avx512": True}
    assert judge_threads(facts).remedy.startswith("unset OPENBLAS_CORETYPE")


# Trials.


def test_the_haar_cascade_sees_the_known_face():
    found = run_trial("haar")
    outcome = judge_detector("haar", found, is_chosen=True)
    assert outcome.state in ("ok", "skipped"), outcome


def test_a_trial_that_breaks_tells_why(tmp_path, monkeypatch):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1 is not there')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = run_trial("imports")
    assert found["printed"][-1] == "cv2"
    assert found["error"] == "ImportError: libGL.so.1 is not there"
    asked = visit(tmp_path)
    asked.report["imports"] = found
    assert "cv2 does not load there" in node_probes.imports(asked).found


def test_a_trial_that_is_killed_tells_by_what(tmp_path, monkeypatch):
    text = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    (tmp_path / "cv2.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = run_trial("haar")
    assert "SIGILL: the processor lacks an instruction" in found["error"]
    assert "--constraint" in judge_detector("haar", found, is_chosen=True).remedy


@pytest.mark.parametrize("name", ["mtcnn", "haar"])
def test_detectors_are_judged_by_the_box(name):
    x, y, width, height = KNOWN_BOXES[name]

    def judged(boxes, *, is_chosen=True):
        found = {"boxes": boxes, "versions": {}}
        return judge_detector(name, found, is_chosen=is_chosen).state

    assert judged([[x + 2, y - 2, width, height]]) == "ok"
    assert judged([[x + 40, y, width, height]]) == "failure"
    assert judged([[x + 40, y, width, height]], is_chosen=False) == "warning"
    assert judged([[x, y, width, height]] * 2) == "failure"
    assert judged([]) == "failure"
    assert judged(None) == "skipped"


# Renaming, and what was seen of it.


def test_a_reader_sees_only_whole_versions(tmp_path):
    reader = Reader(tmp_path)
    reader.start()
    assert replace_many(tmp_path) == TIMES
    reader.close()
    assert (reader.seen.absent, reader.seen.partial, reader.seen.stale) == (0, 0, 0)
    assert reader.seen.newest > 0


def test_a_reader_notices_what_is_absent_or_torn(tmp_path):
    reader = Reader(tmp_path)
    (tmp_path / "renamed").write_bytes(content(3)[:1000] + content(4)[1000:])
    reader._read()
    (tmp_path / "renamed").unlink()
    reader._read()
    assert (reader.seen.absent, reader.seen.partial) == (1, 1)


def report(**login):
    seen = {"reads": 9, "newest": 9, "absent": 0, "partial": 0, "stale": 0}
    here_told = {
        **{"visitor": "10.0.0.9", "fault": "", "delay_s": 0.1, "inode": 7},
        **{"took_what_was_taken": False, "sightings": seen},
    }
    return {
        "login": here_told | login,
        "shared": {"inode": 7, "kind": "nfs4", "fsync_s": 0.1},
        "rename": {"times": 200},
        "exclusive": {"took_what_was_taken": False},
        "connect": {"address": "10.0.0.9", "clock_ahead_s": -0.2},
        "submit": {"status": 0, "words": ""},
        "memory": {"limits": {"cgroup": 5 * 2**30}, "node_bytes": 2**40},
        "processor": {"model": "X", "flags": ["avx2"], "cores": 1, "node_cores": 64},
        "python": {"dfhpc": "0.0.1", "package": "/x", "version": "3.11"},
    }


def judged(tmp_path, probe, change=None, **login):
    asked = visit(tmp_path, kind="slurm")
    asked.report = report(**login)
    for name, facts in (change or {}).items():
        asked.report[name] = asked.report[name] | facts
    outcome: Outcome = probe(asked)
    return outcome


def test_a_folder_as_it_should_be(tmp_path):
    for probe in (between.shared, between.visible, between.rename, between.exclusive):
        assert judged(tmp_path, probe).state == "ok"
    for probe in (between.connect, between.submit, node_probes.clock):
        assert judged(tmp_path, probe).state == "ok"
    for probe in (node_probes.memory, node_probes.cores, node_probes.processor):
        assert judged(tmp_path, probe).state == "ok"


def sightings(**seen):
    return {"sightings": report()["login"]["sightings"] | seen}


def test_a_folder_that_is_not_to_be_trusted(tmp_path):
    assert judged(tmp_path, between.shared, inode=8).state == "warning"
    for fault in ({"absent": 1}, {"partial": 1}):
        assert judged(tmp_path, between.rename, **sightings(**fault)).state == "failure"
    for fault in ({"stale": 1}, {"newest": 0}):
        assert judged(tmp_path, between.rename, **sightings(**fault)).state == "warning"
    assert judged(tmp_path, between.visible, delay_s=30.0).state == "warning"
    assert judged(tmp_path, between.visible, delay_s=None).state == "failure"
    took = {"took_what_was_taken": True}
    assert judged(tmp_path, between.exclusive, **took).state == "failure"
    assert judged(tmp_path, between.exclusive, {"exclusive": took}).state == "failure"


def test_nodes_that_are_not_to_be_trusted(tmp_path):
    refused = {"submit": {"status": 1, "words": "Access denied"}}
    assert "Access denied" in judged(tmp_path, between.submit, refused).found
    little = {"memory": {"limits": {"cgroup": 2**30}}}
    assert judged(tmp_path, node_probes.memory, little).state == "failure"
    unbound = {"memory": {"limits": {}}}
    assert judged(tmp_path, node_probes.memory, unbound).state == "warning"
    late = {"connect": {"clock_ahead_s": 99.0}}
    assert judged(tmp_path, node_probes.clock, late).state == "warning"
    assert "0.0.1" in judged(tmp_path, node_probes.python).found
    broken = {"connect": {"error": "TimeoutError: timed out"}}
    unreached = judged(tmp_path, between.connect, broken, visitor=None)
    assert (unreached.state, unreached.remedy[:12]) == ("warning", "dfhpc submit")
    strange = judged(tmp_path, between.connect, broken, visitor=None, fault="SSLError")
    assert strange.state == "failure"


def test_a_node_cannot_have_fewer_cores_than_asked_for(tmp_path):
    asked = visit(tmp_path, kind="slurm", cores=2)
    asked.report = report()
    assert node_probes.cores(asked).remedy.startswith("cluster.cores = 1")


def test_bsub_that_reads_no_directives(tmp_path):
    asked = visit(tmp_path, kind="lsf")
    asked.report["named"] = False
    assert between.stdin(asked).remedy == "cluster.use_stdin = false"


# What batch systems print.


def test_memory_limits_of_both_kinds_of_control_groups(tmp_path):
    inner = tmp_path / "slurm" / "job_7"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text("2000\n")
    assert memory_limits("0::/slurm/job_7", tmp_path)["cgroup"] == 2000
    old = tmp_path / "memory" / "lsf"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text(f"{(1 << 63) - 4096}\n")
    assert "cgroup" not in memory_limits("4:cpu,memory:/lsf", tmp_path)
    (old / "memory.limit_in_bytes").write_text("3000\n")
    assert memory_limits("4:cpu,memory:/lsf", tmp_path)["cgroup"] == 3000


def test_queues_of_slurm():
    queues = parse_queues("main|up|1-00:00:00|main*\nold|down|infinite|old\n")
    assert queues["main"].is_default
    assert not queues["old"].is_up
    assert limit_seconds("1-06") == 30 * 3600
    assert limit_seconds("45") == 45


def test_walltimes_are_held_against_limits():
    asked = {"driver": 3600, "worker": 3600}
    assert judge_walltimes(asked, {"worker": ("q", None)}).state == "ok"
    found = judge_walltimes(asked, {"driver": ("q", 7200), "worker": ("r", 1800)})
    assert found.remedy.startswith('cluster.worker_walltime = "30m"')


def test_limits_of_running_jobs_are_not_of_nights(tmp_path):
    asked = visit(tmp_path, kind="slurm", workers=4)
    asked.nights = 5

    def state(**limits):
        numbers = {"running": [], "submitted": []} | limits
        return judge_limit(asked, **numbers, source="x").state

    assert state() == "ok"
    assert state(running=[5]) == "ok"
    assert state(submitted=[9]) == "ok"
    assert state(submitted=[8]) == "warning"
    assert state(running=[5], submitted=[5]) == "failure"


@pytest.mark.parametrize(
    ("chosen", "version", "site", "state"),
    [
        (None, 10, "KB", "ok"),
        (None, 9, "MB", "failure"),
        (None, None, None, "warning"),
        ("MB", 9, "MB", "ok"),
        ("MB", 9, "KB", "failure"),
        ("MB", 9, None, "warning"),
    ],
)
def test_units_of_lsf(tmp_path, chosen, version, site, state):
    assert judge_units(chosen, version, site, tmp_path / "lsf.conf").state == state


def test_a_default_limit_of_lsf_binds_nobody():
    printed = (
        "DEFAULT LIMITS:\n RUNLIMIT\n 10.0 min\nMAXIMUM LIMITS:\n CPULIMIT\n 5 min"
    )
    assert run_limit(printed) is None


def test_no_thread_is_left():
    names = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("dfhpc-doctor") for name in names)
