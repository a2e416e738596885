"""The LSF twin, whole, through the test double; and the scripts of slurm/ and lsf/."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dfhpc.runs import RunDirectory, read_json
from tests.cluster.lsf_site import LsfSite
from tests.cluster.nights import Night, write_recipe

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def lsf_night(lsf: LsfSite, fresh_slurm, tmp_path, clips) -> Night:
    lsf.set(seconds_per_minute=60.0)
    return Night(lsf, tmp_path, clips)


def _submit(night, *more):
    words = ("--cluster", "lsf", *more)
    return night.dfhpc("submit", *night.words, *words).split()


def _jobs(lsf, night):
    """Return state and host of the run's jobs by id."""
    fields = "jobid stat exec_host job_name delimiter='|'"
    printed = lsf.run("bjobs", "-a", "-noheader", "-o", fields).stdout
    run_id = read_json(night.run.run_id_path)["run_id"]
    rows = [line.split("|") for line in printed.splitlines()]
    return {row[0]: row[1:3] for row in rows if run_id in row[3]}


def _wait_until_idle(lsf, night):
    night.wait_for(
        "end of its jobs",
        lambda: all(
            state in ("DONE", "EXIT") for state, _ in _jobs(lsf, night).values()
        ),
        120,
    )


def test_the_lsf_twin_passes_whole(lsf, lsf_night, undisturbed):
    night = lsf_night
    first, second = _submit(night, "--nights", "2")
    night.wait_for("evaluation", night.run.evaluation_path.exists, 120)
    _wait_until_idle(lsf, night)
    night.assert_equals(undisturbed)
    jobs = _jobs(lsf, night)
    # The second link was cancelled while it waited.
    assert jobs.pop(second)[0] == "EXIT"
    assert jobs.pop(first)[0] == "DONE"
    assert {state for state, _ in jobs.values()} == {"DONE"}
    assert len({host for _, host in jobs.values()}) >= 2
    for known in night.recorded("worker"):
        report = Path(known.job.output).read_text()
        assert "\nSuccessfully completed.\n" in report
        assert re.search(r"Total Requested Memory : {21}2012\.00 MB\n", report)
    found = json.loads(night.dfhpc("usage", night.run.path, "--json"))
    assert "LSF report" in found["accounting"]["sources"]
    assert len(found["run"]["lsf"]) == 10
    text = night.dfhpc("usage", night.run.path)
    assert "\n".join(found["run"]["lsf"]) in text


def test_a_killed_worker_job_of_lsf_is_replaced(lsf, lsf_night, undisturbed):
    night = lsf_night
    _submit(night)
    night.wait_for_marks(3)
    before = night.marks()
    victim = night.recorded("worker")[0].job.job_id
    assert lsf.run("bkill", victim).returncode == 0
    night.wait_for("evaluation", night.run.evaluation_path.exists, 120)
    _wait_until_idle(lsf, night)
    night.assert_equals(undisturbed)
    night.assert_kept(before)
    lost = [known for known in night.recorded("worker") if known.job.job_id == victim]
    assert lost[0].how in ("EXIT", "TERM_OWNER")


def test_a_driver_of_lsf_is_asked_to_stop(lsf, lsf_night, undisturbed):
    night = lsf_night
    first, second = _submit(night, "--nights", "2")
    night.wait_for_marks(3)
    # What LSF sends by itself, -wt before -W.
    assert lsf.run("bkill", "-s", "USR2", first).returncode == 0
    night.wait_for("evaluation", night.run.evaluation_path.exists, 120)
    _wait_until_idle(lsf, night)
    night.assert_equals(undisturbed)
    ended = {known.job.job_id: known.how for known in night.recorded("driver")}
    assert ended == {first: "STOPPED", second: "COMPLETED"}
    report = next(night.run.job_logs_dir.glob(f"*-{first}.out")).read_text()
    assert "Exited with exit code 75." in report


def test_a_driver_of_lsf_at_its_walltime(lsf, lsf_night, undisturbed):
    night = lsf_night
    # An hour of 120 s; the warning comes after half of it.
    lsf.set(seconds_per_minute=2.0)
    keys = ("walltime=60m", "signal_before=30m", "worker_walltime=9h")
    words = [word for key in keys for word in ("--set", f"cluster.{key}")]
    first, second = _submit(night, "--nights", "2", *words)
    night.wait_for_marks(3)
    before = night.marks()
    workers = [known.job.job_id for known in night.recorded("worker")]
    with night.frozen_workers(*workers):
        night.wait_for("the signal", lambda: "SIGUSR2" in night.printed(first), 90)
        # The next link is given the time it needs.
        lsf.set(seconds_per_minute=60.0)
    night.wait_for("evaluation", night.run.evaluation_path.exists, 120)
    _wait_until_idle(lsf, night)
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    ended = {known.job.job_id: known.how for known in night.recorded("driver")}
    assert ended == {first: "STOPPED", second: "COMPLETED"}
    assert "Exited with exit code 75." in night.printed(first)


def test_workers_inside_a_job_of_lsf(lsf, lsf_night, undisturbed):
    night = lsf_night
    text = night.recipe.read_text()
    # As many workers as there is room for, and the cores of a driver by default.
    for line in ("workers = 3\n", "driver_cores = 1\n"):
        assert line in text
        text = text.replace(line, "")
    night.recipe.write_text(text)
    memory = ("--set", "cluster.memory_limit=1300MiB")
    dry = _submit(night, "--workers-in-job", *memory, "--dry-run")
    # Five parts by default; this site has no more than six slots.
    assert (dry[dry.index("-n") + 1], "span[block=2]" in " ".join(dry)) == ("10", True)
    site = ('skip_directives=["-n", "-M"]', 'extra_directives=["-n 6", "-M 5436MB"]')
    words = [word for key in site for word in ("--set", f"cluster.{key}")]
    (job_id,) = _submit(night, "--workers-in-job", *memory, *words)
    night.wait_for("evaluation", night.run.evaluation_path.exists, 120)
    _wait_until_idle(lsf, night)
    night.assert_equals(undisturbed)
    assert _jobs(lsf, night).keys() == {job_id}
    assert "2 workers asked of lsf" in night.log()
    report = next(night.run.job_logs_dir.glob(f"*-{job_id}.out")).read_text()
    # 1300 MiB and what a nanny needs, for each of three parts.
    assert re.search(r"Total Requested Memory : {21}5436\.00 MB\n", report)


@pytest.mark.parametrize("script", ["slurm/debug.sbatch", "lsf/debug.bsub"])
def test_a_script_by_hand(script, request, tmp_path, clips, undisturbed):
    fixtures = {"slurm": "fresh_slurm", "lsf": "lsf"}
    system = script.partition("/")[0]
    site = request.getfixturevalue(fixtures[system])
    folder = _checkout(tmp_path / "a checkout", script)
    night = Night(site, tmp_path, clips)
    night.run = RunDirectory(folder / "runs" / "debug")
    for count in (1, 2):
        _by_hand(night, folder, script)
        night.wait_for("output", lambda n=count: len(_printed(folder)) == n)
        night.wait_for("end", lambda: _printed(folder)[-1].count("Next:"), 120)
    # The second found nothing to do.
    assert ["is finished" in text for text in _printed(folder)] == [False, True]
    night.assert_equals(undisturbed)
    assert night.recorded("driver")[0].job.name == "dfhpc-debug"
    assert night.recorded("worker")[0].job.system == system
    _wait_for_accounts(night, {"slurm": "sacct", "lsf": "LSF report"}[system])


def _wait_for_accounts(night, source):
    """Wait until the batch system's word on each driver is had; it comes last."""

    def sources():
        found = json.loads(night.dfhpc("usage", night.run.path, "--json"))
        jobs = found["jobs"]
        return {job["source"] for job in jobs if job["role"] == "driver"}

    night.wait_for(f"{source} of its drivers", lambda: sources() == {source}, 30)


def _checkout(folder, script):
    """Return a folder as of a fresh clone, its recipe a quick one."""
    (folder / "jobs").mkdir(parents=True)
    (folder / script).parent.mkdir()
    shutil.copy(ROOT / script, folder / script)
    write_recipe(folder / "jobs").rename(folder / "jobs" / "debug.toml")
    shutil.copy(ROOT / "jobs" / "env.sh", folder / "jobs")
    return folder


def _by_hand(night, folder, script):
    programs = Path(sys.executable).parent
    path = f"{night.site.environment['PATH']}{os.pathsep}{programs}"
    command = ["sbatch", script] if script.startswith("slurm") else ["bsub"]
    with (folder / script).open() as file:
        subprocess.run(
            command,
            stdin=file,
            cwd=folder,
            env=night.site.environment | {"DFHPC_DATA": str(night.data), "PATH": path},
            check=True,
            capture_output=True,
        )


def _printed(folder):
    """Return what the drivers have printed, oldest first.

    By job id: LSF's report comes into the file of the first while the second runs.
    """
    paths = folder.glob("dfhpc-debug-*.out")
    in_order = sorted(paths, key=lambda path: int(path.stem.rpartition("-")[2]))
    return [path.read_text() for path in in_order]
