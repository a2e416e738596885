"""What SLURM does not keep: requests, starts, ends, orders to kill."""

import json
import os
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OF_SLURM = ("SLURM", "SBATCH_", "SRUN_")

Record = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What a site's administrators would have chosen."""

    slurm_conf: str
    cluster: str = "dfhpc"
    seconds_per_minute: float = 60.0
    """Less than 60, and -W and -wt pass faster, so that tests need not wait."""
    grace_s: float = 10.0
    """From the signal at the run limit to the kill: ten minutes in LSF."""
    terminate_interval_s: float = 2.0
    """Between INT, TERM and KILL: JOB_TERMINATE_INTERVAL."""
    sample_s: float = 1.0


class Home:
    """The folder of the double, seen by its commands and by its jobs."""

    def __init__(self, folder: Path) -> None:
        """Read the settings in an existing folder."""
        self.folder = folder
        self.settings = Settings(**json.loads((folder / "settings.json").read_text()))

    def slurm(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of SLURM."""
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(OF_SLURM)
        }
        environment["SLURM_CONF"] = self.settings.slurm_conf
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment
        )

    # Requests. A job may start before bsub knows its id, so a key of ours comes first.

    def save_request(self, request: Record) -> str:
        """Store what was asked for; return its key."""
        key = uuid.uuid4().hex
        self._write("requests", key, request)
        return key

    def name_request(self, job: str, key: str) -> None:
        """Note the id that SLURM gave."""
        self._write("ids", job, key)

    def request(self, key: str) -> Record:
        """Return a request by its key."""
        return self._read("requests", key)

    def jobs(self) -> dict[str, Record]:
        """Return the requests of all jobs, oldest first."""
        ids = sorted((p.name for p in self._folder("ids").iterdir()), key=_number)
        return {job: self.request(self._read("ids", job)) for job in ids}

    def find(self, wanted: str) -> list[str]:
        """Return the jobs with an id, or a name that may end with a star."""
        jobs = self.jobs()
        if wanted in jobs:
            return [wanted]
        pattern = re.escape(wanted).replace(r"\*", ".*")
        return [job for job in jobs if re.fullmatch(pattern, jobs[job]["name"])]

    # What became of jobs.

    def note_start(self, job: str, start: Record) -> None:
        """Note where and when a job began."""
        self._write("starts", job, start)

    def start(self, job: str) -> Record | None:
        """Return where and when a job began."""
        return self._read("starts", job, missing=None)

    def note_end(self, job: str, end: Record) -> None:
        """Note how a job ended; the first word holds."""
        if self.end(job) is None:
            self._write("ends", job, end)

    def end(self, job: str) -> Record | None:
        """Return how a job ended."""
        return self._read("ends", job, missing=None)

    def order(self, job: str, signals: str) -> None:
        """Tell the runner of a job what to do: TERMINATE, or a signal's name."""
        with (self._folder("orders") / job).open("a") as file:
            file.write(f"{signals}\n")

    def orders(self, job: str) -> list[str]:
        """Return all orders to a job so far."""
        path = self._folder("orders") / job
        return path.read_text().split() if path.exists() else []

    def spool(self, job: str) -> Path:
        """Return where a job's script or its unclaimed output lies."""
        return self._folder("spool") / job

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _write(self, folder: str, name: str, value: Any) -> None:
        path = self._folder(folder) / name
        partial = self.folder / f".{name}.{uuid.uuid4().hex}"
        partial.write_text(json.dumps(value))
        partial.replace(path)

    def _read(self, folder: str, name: str, **default: Any) -> Any:
        try:
            return json.loads((self._folder(folder) / name).read_text())
        except FileNotFoundError:
            if "missing" in default:
                return default["missing"]
            raise


def _number(name: str) -> int:
    return int(name)
