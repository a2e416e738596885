"""What befalls workers and drivers, done to a real SLURM: a run ends as undisturbed."""

import sys
import time

import pytest

from tests.cluster import fill_memory
from tests.cluster.nights import running

pytestmark = pytest.mark.slow

RESUME_S = 30
"""From the start of a job until something new is done."""


def test_a_killed_worker_is_started_again(night, undisturbed):
    night.submit()
    night.wait_for_marks(3)
    before = night.marks()
    (process,) = night.worker_processes(night.workers()[0]["id"])
    process.kill()
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    # Its nanny did it, so that no job was lost.
    assert len(night.recorded("worker")) == 3


@pytest.mark.parametrize("where", ["worker", "nanny"])
def test_a_worker_over_its_memory_is_replaced(night, undisturbed, where):
    night.submit()
    night.wait_for_marks(3)
    before = night.marks()
    job = night.workers()[0]
    # In the worker its nanny sees it and ends it, in the nanny SLURM ends the job.
    size = 1_700_000_000 if where == "worker" else 3_000_000_000
    keys = night.run.cluster_dir / "tls"
    words = (night.scheduler_address(), keys, job["name"], size, where)
    output = night.recipe.with_name("filled.txt")
    with running(output, sys.executable, fill_memory.__file__, *words):
        night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    assert len(night.recorded("worker")) == (3 if where == "worker" else 4)


def test_a_cancelled_worker_is_replaced(night, undisturbed):
    night.submit()
    night.wait_for_marks(3)
    before = night.marks()
    job = night.workers()[0]["id"]
    night.site.run("scancel", job)
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    assert not night.run.deaths_path.exists()
    how = {known.job.job_id: known.how for known in night.recorded("worker")}
    assert how[job] == "CANCELLED"


def test_workers_that_reach_their_walltime_are_replaced(night, undisturbed):
    night.models = ("logistic_regression",)
    short = ("--set", "cluster.worker_walltime=10s")
    night.submit("--models", "logistic_regression", *short)
    night.wait_for_marks(3)
    last = max(night.began(job["id"]) for job in night.workers())
    # They are to notice the end of their time in the middle of their work.
    with night.frozen_workers():
        night.wait_for("the end of their time", lambda: time.time() > last + 10)
    night.wait_until_finished()
    night.assert_equals(undisturbed)
    assert not night.run.deaths_path.exists()
    assert "ended at the end of its time" in night.log()


def test_a_node_goes_down_and_comes_back(night, undisturbed):
    (driver,) = night.submit()
    night.wait_for_marks(3)
    before = night.marks()
    here = next(job["node"] for job in night.queue() if job["id"] == driver)
    there = next(job["node"] for job in night.workers() if job["node"] != here)
    # Who is left stands still, or it would do all before SLURM has noticed.
    with night.frozen_workers():
        night.site.stop_node(there)
        night.wait_for("news of the loss", lambda: "NODE_FAIL" in night.log())
        night.site.start_node(there)
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    assert not night.run.deaths_path.exists()


@pytest.mark.parametrize("strike", ["kill", "scancel"])
def test_a_killed_driver_is_followed_by_the_next_link(night, undisturbed, strike):
    # More workers than there is room for: some wait when the driver dies.
    room = ("--set", 'cluster.exclude_nodes=["n3"]')
    first, second = night.submit("--nights", 2, "--workers", 5, *room)
    night.wait_for_marks(3)
    before = night.marks()
    if strike == "kill":
        night.kill_job(first)
    else:
        night.site.run("scancel", "--signal=KILL", "--full", first)
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    if strike == "kill":
        # Where SLURM kills, it asks first; the driver may release its workers itself.
        assert "jobs that a dead driver left" in night.log()
    assert night.resume_s(before, second) < RESUME_S


def test_a_driver_at_its_walltime_stops_and_the_next_link_finishes(night, undisturbed):
    short = ("cluster.walltime=1m", "cluster.signal_before=30s")
    words = [word for value in short for word in ("--set", value)]
    first, second = night.submit("--nights", 2, *words)
    night.site.run("scontrol", "update", f"JobId={second}", "TimeLimit=10")
    night.wait_for_marks(3)
    before = night.marks()
    # SLURM looks for the time each 30 s; until then the workers stand still.
    with night.frozen_workers():
        night.wait_for("the signal", lambda: "SIGUSR2" in night.printed(first))
    # Dask's own would be of clean ends alone.
    report = night.run.performance_dir / "extract.html"
    night.wait_for("a report", report.exists)
    assert not night.run.extracted_path.exists()
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    assert night.resume_s(before, second) < RESUME_S
    assert "Give the same command to go on." in night.printed(first)
    how = {known.job.job_id: known.how for known in night.recorded("driver")}
    assert how == {first: "STOPPED", second: "COMPLETED"}
    accounts = night.site.run("sacct", "-nXP", "-o", "ExitCode", "-j", first).stdout
    assert accounts.strip() == "75:0"
