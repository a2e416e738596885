"""A real SLURM of three nodes on this host, in a folder of its own."""

import atexit
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster import keeper
from tests.cluster.slurm_files import (
    NODES,
    SEARCH_PATH,
    find_program,
    missing_programs,
    write_files,
)

__all__ = ["NODES", "SlurmSite", "missing_programs"]

START_S = 60
LONGEST_FOLDER = 70
"""Sockets lie in the folder, and the path of a socket has at most 107 bytes."""

FOREIGN = ("SLURM", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SACCT_", "SINFO_")
"""Beginnings of variables that an outer SLURM, or its job, may have set."""


class SiteError(RuntimeError):
    """A daemon of the site did not do what it was started for."""


class SlurmSite:
    """Munge, MariaDB, slurmdbd, slurmctld and three slurmd.

    Each runs under a keeper (see keeper.py), so that nothing outlives this process,
    however it ends.
    """

    def __init__(self, folder: Path) -> None:
        """Prepare a site in ``folder``, which is made and must be new."""
        if len(str(folder)) > LONGEST_FOLDER:
            raise ValueError(f"{folder} is too long a path for sockets")
        self.folder = folder
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of a process that uses this site."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        return kept | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": SEARCH_PATH,
        }

    def variables_of(self, job_id: str) -> dict[str, str]:
        """Return what tells the processes of a job from all others."""
        conf = self.environment["SLURM_CONF"]
        return {"SLURM_JOB_ID": job_id, "SLURM_CONF": conf}

    def start(self) -> None:
        """Start every daemon, and wait until all nodes take jobs."""
        self.folder.mkdir(parents=True)
        atexit.register(self.stop)
        write_files(self.folder)
        self._start_munge()
        self._start_database()
        self.start_accounting()
        self._require("sacctmgr", "-i", "add", "cluster", "dfhpc")
        self.start_controller()
        for name in NODES:
            self._start_slurmd(name)
        self._wait_for("idle nodes", lambda: self._states() == {"idle"})

    def stop(self) -> None:
        """Kill everything that was started."""
        # The daemons of nodes first: they have the jobs.
        for name in reversed(list(self._keepers)):
            self._kill(name)
        atexit.unregister(self.stop)

    def restore(self) -> None:
        """Cancel all jobs and put right what was stopped or broken."""
        self.start_accounting()
        self.start_controller()
        for name in NODES:
            self.mend_node(name)
            self.start_node(name)
        queues = ("--partition=main", "--partition=short")

        def emptied() -> bool:
            # More than once: a driver that ends may yet submit.
            for queue in queues:
                self.run("scancel", queue)
            return not self.jobs()

        self._wait_for("end of all jobs", emptied)

    # Commands.

    def run(self, *command: object, **kwargs) -> subprocess.CompletedProcess[str]:
        """Run a command as a user of the site would."""
        words = [str(word) for word in command]
        options = {"capture_output": True, "text": True, "timeout": 60} | kwargs
        return subprocess.run(words, check=False, env=self.environment, **options)

    def jobs(self) -> list[dict[str, str]]:
        """Return what squeue knows of jobs that wait, run, or are about to end."""
        fields = ("id", "name", "state", "node", "reason")
        done = self.run("squeue", "--noheader", "--format=%i|%j|%T|%N|%r")
        if done.returncode != 0:
            raise SiteError(done.stderr)
        return [
            dict(zip(fields, line.split("|"), strict=True))
            for line in done.stdout.splitlines()
        ]

    # Faults, and their end.

    def stop_node(self, name: str) -> None:
        """Let a node die at once, with its jobs, telling nobody."""
        self._kill(name)

    def start_node(self, name: str) -> None:
        """Bring a node back, and wait until it takes jobs."""
        self._start_slurmd(name)
        up = {"idle", "mixed", "allocated", "completing"}
        self._wait_for(f"{name} to be up", lambda: self._states(name) <= up)

    def break_node(self, name: str) -> None:
        """Let every job fail at once on a node, which stays in service."""
        (self.folder / "broken" / name).touch()

    def mend_node(self, name: str) -> None:
        """End break_node."""
        (self.folder / "broken" / name).unlink(missing_ok=True)

    def stop_controller(self) -> None:
        """End slurmctld: no submission, no squeue; jobs run on."""
        self._end("slurmctld")

    def start_controller(self) -> None:
        """Start slurmctld with the jobs it had."""
        self._start("slurmctld", "-D")
        self._wait_for(
            "slurmctld", lambda: self.run("scontrol", "ping").returncode == 0
        )

    def stop_accounting(self) -> None:
        """End slurmdbd: no sacct; slurmctld keeps what it has to tell."""
        self._end("slurmdbd")

    def start_accounting(self) -> None:
        """Start slurmdbd."""
        self._start("slurmdbd", "-D")
        answers = ("sacctmgr", "--noheader", "list", "cluster")
        self._wait_for("slurmdbd", lambda: self.run(*answers).returncode == 0)

    # Daemons.

    def _start_munge(self) -> None:
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid"}
        files |= {"log-file": "log", "seed-file": "seed"}
        paths = [
            f"--{option}={self.folder}/munge.{ending}"
            for option, ending in files.items()
        ]
        # --force: the folder of a test lies below one that only its owner may enter.
        self._start("munged", "--foreground", "--force", *paths)
        self._wait_for("munged", (self.folder / "munge.socket").exists)

    def _start_database(self) -> None:
        size = "--innodb-log-file-size=4M"
        where = ["--no-defaults", f"--datadir={self.folder}/database", size]
        if os.geteuid() == 0:
            where.append("--user=root")
        made = self.run(find_program("mariadb-install-db"), *where, "--skip-test-db")
        if made.returncode != 0:
            raise SiteError(made.stdout + made.stderr)
        # Nobody else can reach the socket, so whoever does is let in.
        doors = ["--skip-networking", "--skip-grant-tables", f"--socket={self._socket}"]
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]
        pid = f"--pid-file={self.folder}/mariadb.pid"
        self._start("mariadbd", *where, *doors, *fast, pid)
        self._wait_for("mariadbd", self._socket.exists)

    @property
    def _socket(self) -> Path:
        return self.folder / "mariadb.socket"

    def _start_slurmd(self, name: str) -> None:
        if name not in NODES:
            raise ValueError(f"{name} is none of {NODES}")
        self._start("slurmd", "-D", "-N", name, title=name)

    def _states(self, name: str = "") -> set[str]:
        nodes = (f"--nodes={name}",) if name else ()
        listed = self.run(
            "sinfo", "--noheader", "--partition=main", "--Node", *nodes, "--format=%T"
        )
        return set(listed.stdout.split())

    # Processes.

    def _start(self, program: str, *arguments: str, title: str = "") -> None:
        title = title or program
        if title in self._keepers and self._keepers[title].poll() is None:
            return
        command = [sys.executable, "-IS", keeper.__file__, find_program(program)]
        # libmariadb knows no other way to be told a socket.
        environment = self.environment | {"MYSQL_UNIX_PORT": str(self._socket)}
        with (self.folder / f"{title}.log").open("ab") as log:
            self._keepers[title] = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )

    def _end(self, title: str) -> None:
        """Ask a daemon to end, so that it saves its state."""
        if title in self._keepers:
            self._keepers[title].terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._keepers[title].wait(timeout=20)
            self._kill(title)

    def _kill(self, title: str) -> None:
        if title in self._keepers:
            process = self._keepers.pop(title)
            process.stdin.close()
            process.wait()

    def _require(self, *command: str) -> None:
        done = self.run(*command)
        if done.returncode != 0:
            raise SiteError(f"{command}: {done.stdout}{done.stderr}")

    def _wait_for(self, what: str, met: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not met():
            for title, process in self._keepers.items():
                if process.poll() is not None:
                    raise SiteError(f"{title} ended: {self._last_words(title)}")
            if time.monotonic() > deadline:
                raise SiteError(f"no {what} in {START_S} s, see {self.folder}/*.log")
            time.sleep(0.05)

    def _last_words(self, title: str) -> str:
        return (self.folder / f"{title}.log").read_text(errors="replace")[-2000:]
