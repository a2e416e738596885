"""A run on the SLURM of the tests: submitted, watched, struck, and compared."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from dfhpc.batch_jobs import RecordedJob, read_jobs
from dfhpc.cluster.identity import job_prefix
from dfhpc.runs import RunDirectory, read_json
from tests.cluster.lsf_site import LsfSite
from tests.cluster.slurm_site import SlurmSite
from tests.stages.test_extract import assert_equal_stores

MODELS = ("svm", "logistic_regression")

RECIPE = """
[extract]
detector = "haar"
stride = 8
frames_per_video = 4
videos_per_partition = 1

[train]
models = ["svm", "logistic_regression"]

[cluster]
workers = 3
memory_limit = "1500MiB"
driver_memory = "1GiB"
driver_cores = 1
walltime = "10m"
"""

LIVE = ("PENDING", "RUNNING", "CONFIGURING", "COMPLETING")

PATIENCE = 4
"""How many times as slow a busy machine may be; no test waits longer than it must."""


def write_recipe(folder: Path) -> Path:
    """Write a recipe, and an env.sh of its own, into ``folder``."""
    folder.mkdir(exist_ok=True)
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE)
    # Without one beside the recipe, the one of this repository would be found.
    (folder / "env.sh").write_text("export SOURCED_BY_THE_JOB=1\n")
    return recipe


class Night:
    """One run directory, and the jobs that work on it."""

    def __init__(self, site: SlurmSite | LsfSite, folder: Path, data: Path) -> None:
        """Write a recipe into ``folder``; its run is the folder ``run`` below."""
        self.site = site
        self.data = data
        self.models = MODELS
        self.recipe = write_recipe(folder)
        self.run = RunDirectory(folder / "run")

    # Commands.

    def try_dfhpc(
        self, *arguments: object, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run dfhpc as on the login node."""
        command = [sys.executable, "-m", "dfhpc", *map(str, arguments)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
            env=self.site.environment | environment,
        )

    def dfhpc(self, *arguments: object) -> str:
        """Run dfhpc, which must succeed, and return what it prints."""
        done = self.try_dfhpc(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def words(self) -> list[object]:
        """Recipe, data and run directory, as arguments."""
        return [self.recipe, "--data", self.data, "--run-dir", self.run.path]

    def submit(self, *more: object) -> list[str]:
        """Submit, and return the job ids of the chain."""
        return self.dfhpc("submit", *self.words, "--cluster", "slurm", *more).split()

    # What there is to see.

    def marks(self) -> dict[Path, int]:
        """Return when each partition was finished."""
        found = {}
        for path in self.run.partitions_dir.glob("0*.json"):
            with contextlib.suppress(FileNotFoundError):
                found[path] = path.stat().st_mtime_ns
        return found

    def queue(self) -> list[dict[str, str]]:
        """Return the jobs of this run that wait or run."""
        prefix = job_prefix(self.run)
        return [
            job
            for job in self.site.jobs()
            if job["name"].startswith(prefix) and job["state"] in LIVE
        ]

    def workers(self) -> list[dict[str, str]]:
        """Return the running jobs of workers."""
        return [
            job
            for job in self.queue()
            if job["state"] == "RUNNING" and not job["name"].endswith("-driver")
        ]

    def recorded(self, role: str) -> list[RecordedJob]:
        """Return what the run's journal tells of its drivers or workers."""
        return [known for known in read_jobs(self.run) if known.job.role == role]

    def state(self) -> dict[str, Any]:
        """Return the workers as the driver last saw them."""
        return read_json(self.run.cluster_state_path)

    def began(self, job_id: str) -> float:
        """Return when a job began, in seconds since 1970."""
        job = self.site.run("scontrol", "--oneliner", "show", "job", job_id).stdout
        found = re.search(r"StartTime=(\S+)", job)
        assert found, job
        return datetime.fromisoformat(found.group(1)).timestamp()

    def log(self) -> str:
        """Return what all drivers logged."""
        path = self.run.logs_dir / "driver.log"
        return path.read_text() if path.exists() else ""

    def printed(self, job_id: str) -> str:
        """Return what a job printed."""
        found = list(self.run.job_logs_dir.glob(f"*-{job_id}.out"))
        return found[0].read_text(errors="replace") if found else ""

    def worker_processes(self, job_id: str) -> list[psutil.Process]:
        """Return the processes that do the work of a worker's job, not its nanny."""
        return [
            p for p in job_processes(job_id, self.site) if "spawn_main" in command_of(p)
        ]

    # Strikes.

    def kill_job(self, job_id: str) -> None:
        """Kill every process of a job, as if its node had done so."""
        for process in job_processes(job_id, self.site):
            process.kill()

    @contextlib.contextmanager
    def frozen_workers(self, *ids: str) -> Iterator[None]:
        """Let the workers, or those of these jobs, do nothing in the block.

        One that starts in the block stands still as well, or it would do all the work.
        """
        frozen: set[psutil.Process] = set()
        over = threading.Event()

        def freeze() -> None:
            jobs = ids or [job["id"] for job in self.workers()]
            found = {p for job_id in jobs for p in self.worker_processes(job_id)}
            for process in found - frozen:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            frozen.update(found)

        def freeze_on() -> None:
            while not over.wait(0.3):
                freeze()

        freeze()
        assert frozen
        thread = threading.Thread(target=freeze_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            for process in frozen:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def scheduler_address(self) -> str:
        """Return where the scheduler is, by what a worker printed."""
        printed = self.printed(self.workers()[0]["id"])
        return re.findall(r"Waiting to connect to: +(\S+)", printed)[-1]

    # Waiting.

    def wait_for(
        self, what: str, met: Callable[[], Any], seconds: float = 60.0
    ) -> None:
        """Wait until ``met``; ``what`` says for what, should it not come to that.

        ``seconds`` are those of a machine that is not busy.
        """
        limit = PATIENCE * seconds
        end = time.monotonic() + limit
        while not met():
            assert time.monotonic() < end, f"no {what} in {limit:.0f} s: {self}"
            time.sleep(0.02)

    def wait_for_marks(self, count: int, seconds: float = 60.0) -> None:
        """Wait until so many partitions are finished, and not all."""
        self.wait_for(f"{count} marks", lambda: len(self.marks()) >= count, seconds)
        assert not self.run.extracted_path.exists(), "it was too quick to be struck"

    def wait_until_idle(self, seconds: float = 60.0) -> None:
        """Wait until no job of this run waits or runs."""
        self.wait_for("end of its jobs", lambda: not self.queue(), seconds)

    def wait_until_finished(self, seconds: float = 90.0) -> None:
        """Wait until the run is finished and its jobs have ended."""

        def met() -> bool:
            if self.run.evaluation_path.exists():
                return True
            assert self.queue(), f"its jobs ended before it was finished: {self}"
            return False

        self.wait_for("evaluation", met, seconds)
        self.wait_until_idle()

    def __repr__(self) -> str:
        drivers = [known.job.job_id for known in self.recorded("driver")]
        printed = "\n".join(self.printed(job_id) for job_id in drivers)
        return f"{len(self.marks())} marks\n{self.log()}\n---\n{printed}"

    # The end.

    def assert_equals(self, undisturbed: RunDirectory) -> None:
        """Hold store and models against those of a run that nothing disturbed."""
        run = self.run
        assert read_json(run.extracted_path)["quarantined"] == 0
        assert_equal_stores(run, undisturbed)
        for path in (run.manifest_path, run.split_path, run.extracted_path):
            other = undisturbed.path / path.relative_to(run.path)
            assert path.read_bytes() == other.read_bytes()
        for name in self.models:
            digests = [
                read_json(each.model_path(name))["files"] for each in (run, undisturbed)
            ]
            assert digests[0] == digests[1], name

    def assert_kept(self, before: dict[Path, int], lost: int = 0) -> None:
        """Hold that of what was finished before, no more than ``lost`` was redone.

        A worker that dies right after its mark takes the receipt with it.
        """
        after = self.marks()
        assert before
        again = [path.name for path in before if after.get(path) != before[path]]
        assert len(again) <= lost, again

    def resume_s(self, before: dict[Path, int], job_id: str) -> float:
        """Return how long after a job's start its first partition was finished."""
        began = self.began(job_id)
        new = [time_ns for path, time_ns in self.marks().items() if path not in before]
        return min(t / 1e9 for t in new if t / 1e9 > began) - began


def job_processes(job_id: str, site: SlurmSite | LsfSite) -> list[psutil.Process]:
    """Return the processes of a job of a site; beside it there may be others."""
    variables = site.variables_of(job_id).items()
    marks = {f"{name}={value}".encode() for name, value in variables}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
            if marks <= set(variables):
                found.append(process)
    return found


def command_of(process: psutil.Process) -> str:
    """Return the command line of a process; nothing where it has gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextlib.contextmanager
def running(
    output: Path, *command: object, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that prints to a file, and is killed at the end of the block."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment or dict(os.environ),
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
