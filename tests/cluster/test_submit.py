"""A run submitted to a real SLURM: worked on by its nodes, it ends as at home."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dfhpc.cluster.identity import run_id
from tests.cluster.nights import Night

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(slurm, tmp_path_factory, clips):
    """Return a run that a chain of three links has finished."""
    night = Night(slurm, tmp_path_factory.mktemp("finished"), clips)
    night.dry = night.dfhpc("submit", *night.words, "--cluster", "slurm", "--dry-run")
    night.ids = night.submit("--nights", 3)
    shown = ("scontrol", "write", "batch_script", night.ids[0], "-")
    night.script = slurm.run(*shown).stdout
    night.reasons = {job["id"]: job["reason"] for job in night.queue()}
    night.wait_until_finished()
    return night


def test_a_chain_ends_as_at_home(finished, undisturbed):
    assert len({known.node for known in finished.recorded("worker")}) >= 2
    finished.assert_equals(undisturbed)


def test_a_finished_run_cancels_the_links_that_wait(finished):
    first, *others = finished.ids
    assert [finished.reasons[job_id] for job_id in others] == ["Dependency"] * 2
    assert [finished.printed(job_id) for job_id in others] == ["", ""]
    how = {known.job.job_id: known.how for known in finished.recorded("driver")}
    assert how[first] == "COMPLETED"
    assert {known.how for known in finished.recorded("worker")} == {"RELEASED"}


def test_a_dry_run_prints_what_is_submitted(finished):
    # The run's word is made when something is submitted.
    dry = finished.dry.replace("RUN_ID", run_id(finished.run))
    assert finished.script.strip() in dry
    assert "sbatch --parsable" in finished.dry


def test_a_link_on_a_finished_run_returns_at_once(finished):
    before = len(finished.recorded("worker"))
    script = finished.run.path.parent / "link.sbatch"
    script.write_text(finished.script)
    job_id = finished.site.run("sbatch", "--parsable", script).stdout.strip()
    finished.wait_until_idle(20)
    assert "is finished; nothing is left to do." in finished.printed(job_id)
    assert len(finished.recorded("worker")) == before
    how = {known.job.job_id: known.how for known in finished.recorded("driver")}
    assert how[job_id] == "COMPLETED"


def test_a_finished_run_is_not_submitted(finished):
    before = finished.run.jobs_path.read_bytes()
    done = finished.try_dfhpc("submit", *finished.words, "--cluster", "slurm")
    assert (done.returncode, done.stdout) == (0, "")
    assert "is finished; nothing is left to do." in done.stderr
    assert finished.run.jobs_path.read_bytes() == before


def test_usage_is_told_without_accounts_of_slurm(finished):
    finished.site.stop_accounting()
    try:
        assert "CPU time" in finished.dfhpc("usage", finished.run.path)
    finally:
        finished.site.start_accounting()


def _lock(night, job):
    """Leave a lock as a driver in ``job`` on another host has it."""
    holder = {"job": job, "token": "", "host": "elsewhere", "pid": 1}
    night.run.lock_path.write_text(json.dumps(holder))


def test_a_lock_of_a_job_that_is_dead_holds_nobody_up(finished):
    _lock(finished, "slurm 999999")
    began = time.monotonic()
    finished.dfhpc("run", *finished.words, "--cluster", "slurm")
    assert time.monotonic() - began < 20
    assert not finished.run.lock_path.exists()


def test_a_lock_of_a_job_that_lives_is_respected(finished):
    wrapped = ("--parsable", "--output=/dev/null", "--wrap=sleep 300")
    job_id = finished.site.run("sbatch", *wrapped).stdout.strip()
    _lock(finished, f"slurm {job_id}")
    try:
        refused = finished.try_dfhpc("run", *finished.words, "--cluster", "slurm")
    finally:
        finished.run.lock_path.unlink()
        finished.site.run("scancel", job_id)
    assert refused.returncode == 1
    assert f"in use by process 1 on elsewhere (job slurm {job_id})" in refused.stderr


def test_a_chain_that_waits_is_not_doubled(night):
    held = ("--set", 'cluster.extra_directives=["--hold"]')
    one, two = night.submit("--nights", 2, *held)
    refused = night.try_dfhpc("submit", *night.words, "--cluster", "slurm", *held)
    assert refused.returncode == 1
    named = refused.stderr.partition("has drivers already: jobs ")[2].partition(".")[0]
    assert set(named.split(", ")) == {one, two}
    assert set(night.dfhpc("cancel", night.run.path).split()) == {one, two}
    night.wait_until_idle()


def test_two_submits_at_once_are_one(night):
    held = ("--set", 'cluster.extra_directives=["--hold"]')
    words = ("submit", *night.words, "--cluster", "slurm", *held)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: night.try_dfhpc(*words), range(2)))
    assert sorted(one.returncode for one in done) == [0, 1], done
    assert len(night.queue()) == 1
    night.dfhpc("cancel", night.run.path)


def test_what_slurm_would_never_start_is_refused_at_once(night):
    """SLURM itself takes a job over the limit of its queue, and lets it wait."""
    for words, refusal in {
        ("queue=short", "walltime=7h"): "driver's walltime of 7h is over the 2m of",
        ("driver_queue=main", "queue=short", "walltime=3m"): "The worker's walltime",
        ("queue=none",): "refuse the driver's job: sbatch failed with status 1",
        ("cores=500",): "refuse the worker's job: sbatch failed with status 1",
    }.items():
        keys = [part for word in words for part in ("--set", f"cluster.{word}")]
        done = night.try_dfhpc("submit", *night.words, "--cluster", "slurm", *keys)
        assert done.returncode == 2, done.stderr
        assert refusal in done.stderr
        assert not night.run.path.exists()
    # The user's own default is a queue too.
    words = ("submit", *night.words, "--cluster", "slurm")
    done = night.try_dfhpc(*words, SBATCH_PARTITION="short")
    assert "driver's walltime of 10m is over the 2m of queue short" in done.stderr
    assert night.site.jobs() == []


def test_cancel_ends_every_job_of_the_run_and_no_other(night, undisturbed):
    name = "--job-name=dfhpc-00000000-driver"
    wrapped = ("--parsable", "--output=/dev/null", "--wrap=sleep 300", name)
    other = night.site.run("sbatch", *wrapped).stdout.strip()
    night.submit("--nights", 2)
    night.wait_for_marks(3)
    own = {job["id"] for job in night.queue()}
    cancelled = night.dfhpc("cancel", night.run.path).split()
    assert set(cancelled) == own
    assert len(own) == 5
    # One that is cancelled may be in the listing a moment longer.
    night.wait_until_idle()
    assert [job["id"] for job in night.site.jobs()] == [other]
    assert night.dfhpc("cancel", night.run.path).strip().endswith("has no jobs.")
    before = night.marks()
    night.submit()
    night.wait_until_finished()
    night.assert_kept(before)
    night.assert_equals(undisturbed)


def test_a_chain_that_comes_no_further_stops_with_a_reason(night):
    one, two, three, four = night.submit(
        *("--nights", 4, "--set", "cluster.memory_limit=450MiB")
    )
    night.wait_for("end", lambda: night.printed(three) and not night.queue())
    for job_id in (one, two):
        assert "raise cluster.memory_limit" in night.printed(job_id)
    reason = f"Jobs {one} and {two} brought {night.run.path} no further"
    assert reason in night.printed(three)
    assert night.printed(four) == ""


def test_workers_inside_the_job_of_the_driver(night, undisturbed):
    (job_id,) = night.submit("--workers-in-job")
    night.wait_for_marks(3)

    def nodes():
        return {job["node"] for job in night.state()["jobs"] if job["node"]}

    night.wait_for("workers on two nodes", lambda: len(nodes()) >= 2)
    assert [job["id"] for job in night.queue()] == [job_id]
    night.wait_until_finished()
    night.assert_equals(undisturbed)


def test_faces_of_the_real_clips_are_those_of_a_local_run(
    fresh_slurm, tmp_path, data_dir
):
    night = Night(fresh_slurm, tmp_path, data_dir / "ffpp")
    mtcnn = (
        *("--detector", "mtcnn", "--frames-per-video", 2),
        *("--models", "svm,logistic_regression,random_forest,sgd"),
        *("--set", 'data.methods=["Deepfakes"]'),
        *("--set", "cluster.memory_limit=2500MiB"),
        *("--set", "extract.stride=30", "--set", "train.sgd.epochs=2"),
        *("--set", "train.random_forest.num_trees=4"),
        *("--set", "train.random_forest.columns_per_tree=256"),
    )
    night.submit(*mtcnn)
    night.wait_until_finished(250)
    local = Night(fresh_slurm, tmp_path / "local", data_dir / "ffpp")
    local.dfhpc("run", *local.words, *mtcnn, "--workers", 2)
    night.assert_equals(local.run)
    assert len({known.node for known in night.recorded("worker")}) >= 2
