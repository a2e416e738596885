"""What befalls a site, done to a real SLURM: a run ends as undisturbed."""

import contextlib
import json
import subprocess
import sys

import pytest

from dfhpc.constants import EXIT_RESUMABLE
from dfhpc.runs import read_json
from tests.cluster.nights import Night, running

pytestmark = pytest.mark.slow


def test_submission_is_refused_for_a_while(night, undisturbed):
    night.submit()
    night.wait_for_marks(3)
    before = night.marks()
    jobs = [job["id"] for job in night.workers()]
    close, reopen = (
        ("scontrol", "update", "PartitionName=main", f"State={state}")
        for state in ("INACTIVE", "UP")
    )
    night.site.run(*close)
    try:
        night.site.run("scancel", *jobs)
        night.wait_for("a refusal", lambda: "was refused" in night.log())
    finally:
        night.site.run(*reopen)
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    assert not night.run.deaths_path.exists()
    # In SLURM's own words.
    assert "Required partition not available" in night.log()


def test_the_batch_system_is_away_for_a_while(night, undisturbed):
    (driver,) = night.submit()
    night.wait_for_marks(3)
    before = night.marks()
    here, *others = night.workers()
    night.site.stop_controller()
    night.kill_job(here["id"])
    # The others do what they can meanwhile.
    night.wait_for("other marks", lambda: len(night.marks()) >= 23)
    night.site.start_controller()
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)
    assert not night.run.deaths_path.exists()


def test_accounting_is_away_for_a_whole_run(night, undisturbed):
    night.site.stop_accounting()
    night.submit()
    night.wait_until_finished()
    night.assert_equals(undisturbed)

    def accounting():
        return json.loads(night.dfhpc("usage", night.run.path, "--json"))["accounting"]

    found = accounting()
    assert found["sources"] == ["samples"]
    (problem,) = found["problems"]
    assert "sacct" in problem
    # What SLURM kept to tell it tells later.
    night.site.start_accounting()
    night.wait_for("sacct", lambda: accounting()["sources"] == ["sacct"])


def test_a_node_where_every_job_fails_is_excluded(night, undisturbed):
    night.site.break_node("n2")
    (driver,) = night.submit()
    night.wait_until_finished()
    night.assert_equals(undisturbed)
    assert night.state()["excluded_nodes"] == ["n2"]
    assert "Node n2 is excluded: 2 jobs failed." in night.log()
    ended = [known for known in night.recorded("worker") if known.how == "FAILED"]
    assert {known.node for known in ended} == {"n2"}
    assert len(ended) == 2


@contextlib.contextmanager
def _small_disk(folder, size):
    """Mount a disk of so many bytes; yield what gives it more."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a full disk needs the right to mount one: {mounted.stderr}")
    try:
        yield lambda more: subprocess.run(
            ["mount", "-o", f"remount,size={more}", str(folder)], check=True
        )
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_damages_nothing(
    fresh_slurm, tmp_path, clips, undisturbed
):
    with _small_disk(tmp_path / "disk", 8_000_000) as enlarge:
        night = Night(fresh_slurm, tmp_path / "disk", clips)
        words = ["run", *night.words, "--cluster", "slurm"]
        failed = night.try_dfhpc(*words)
        assert failed.returncode == 1, failed.stderr
        *_, last = failed.stderr.strip().splitlines()
        assert last.startswith("dfhpc: No space left on device: ")
        assert "Traceback" not in failed.stderr
        assert "Logging error" not in failed.stderr
        assert not night.queue()
        before = night.marks()
        enlarge(400_000_000)
        night.dfhpc(*words)
        night.assert_kept(before)
        night.assert_equals(undisturbed)


@contextlib.contextmanager
def _own_dask(night, scheduler_file):
    """Start a scheduler with two workers, and yield the scheduler's process."""
    folder = scheduler_file.parent
    folder.mkdir()
    python = (sys.executable, "-m")
    file = ("--scheduler-file", scheduler_file)
    scheduler = (*python, "distributed.cli.dask_scheduler", "--port", 0, *file)
    worker = (*python, "dfhpc.cluster.worker", "--nthreads", 1, *file)
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(running(folder / "scheduler.txt", *scheduler))
        night.wait_for("a scheduler", scheduler_file.exists)
        for number in range(2):
            stack.enter_context(running(folder / f"worker{number}.txt", *worker))
        yield started


def test_a_killed_scheduler_stops_the_run_resumably(
    fresh_slurm, tmp_path, clips, undisturbed
):
    """A scheduler of one's own; in a job the driver is it: see test_faults."""
    night = Night(fresh_slurm, tmp_path, clips)
    one, other = (tmp_path / name / "scheduler.json" for name in ("one", "other"))
    output = tmp_path / "driver.txt"
    with _own_dask(night, one) as scheduler:
        address = read_json(one)["address"]
        words = (sys.executable, "-m", "dfhpc", "run", *night.words)
        with running(output, *words, "--cluster", address) as driver:
            night.wait_for_marks(3)
            scheduler.kill()
            driver.wait(timeout=60)
    before = night.marks()
    printed = output.read_text()
    assert driver.returncode == EXIT_RESUMABLE, printed
    assert "The Dask scheduler is gone; what is finished is kept." in printed
    assert "Traceback" not in printed
    with _own_dask(night, other):
        night.dfhpc("run", *night.words, "--cluster", other)
    night.assert_kept(before)
    night.assert_equals(undisturbed)
