"""What dfhpc asks of a batch system, and what SLURM and LSF have in common."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from dfhpc.cluster.blas import forget_blas
from dfhpc.errors import BatchError
from dfhpc.this_job import BatchName

COMMAND_S = 60.0
"""How long a command of the batch system may take to answer."""

_LASTING = re.compile(
    "invalid (account|directive|partition|qos|option|walltime|generic)|"
    "(unrecognized|unknown|illegal) option|no such (queue|partition|project)|"
    "bad .*specif|time limit is invalid|memory specification can not|not permitted|"
    "access denied|queue .*denied|cannot use the queue|not allowed|"
    "node configuration is not available|resource requirement syntax",
    re.IGNORECASE,
)
"""Refusals that the same request will meet again."""

JobState = Literal["pending", "running", "ended"]


@dataclass(frozen=True)
class JobRequest:
    """What is asked for a job."""

    name: str
    cores: int
    memory_bytes: int
    walltime_s: int
    output: Path
    queue: str | None = None
    tasks: int = 1
    """Equal parts of the job, each with these cores and this memory."""
    signal_before_s: int | None = None
    """When to send SIGUSR2 before the walltime is over."""
    after: str | None = None
    """Start when the job of this id has ended, however it ended."""
    may_requeue: bool = False


@dataclass(frozen=True)
class QueuedJob:
    """A job as the batch system sees it."""

    job_id: str
    name: str
    state: JobState
    word: str
    """The system's own word for the state, as NODE_FAIL or EXIT."""
    node: str | None
    reason: str
    """Why it is pending."""


@dataclass(frozen=True)
class Submission:
    """A job ready to be submitted: what to run, and what to feed it."""

    command: tuple[str, ...]
    script: str
    script_path: Path | None = None
    """Where the script must lie for the command; None: on standard input."""


class BatchSystem(Protocol):
    """SLURM or LSF."""

    name: BatchName
    commands: tuple[str, ...]
    """Programs that must be there."""

    def directives(self, request: JobRequest) -> list[str]:
        """Return the options of a job, one a line, without their prefix."""
        ...

    def submission(self, request: JobRequest, body: str) -> Submission:
        """Return what submits a job whose shell script ends in ``body``."""
        ...

    def submit(self, submission: Submission) -> str:
        """Submit and return the job's id.

        Raises
        ------
        BatchError
            With the system's own words.
        """
        ...

    def jobs(self, prefix: str) -> list[QueuedJob]:
        """Return this user's jobs whose names begin so; some that ended too.

        Raises
        ------
        BatchError
            When the system does not answer; that says nothing about the jobs.
        """
        ...

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs; those that have ended already are passed over."""
        ...


def run_command(
    command: Sequence[str], text: str | None = None, timeout_s: float = COMMAND_S
) -> str:
    """Return what a command of the batch system prints.

    Raises
    ------
    BatchError
        When it is not there, fails, or does not answer in time; in its own words.
    """
    name = command[0]
    try:
        done = subprocess.run(
            command,
            input=text or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=outer_environment(os.environ),
            # Ctrl-C at a terminal is for dfhpc, which still has jobs to cancel.
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError:
        raise BatchError(
            f"There is no command {name} here. Is this a login node of the cluster?",
            is_lasting=True,
        ) from None
    except subprocess.TimeoutExpired:
        raise BatchError(f"{name} did not answer within {timeout_s:.0f} s.") from None
    if done.returncode != 0:
        words = " ".join((done.stderr.strip() or done.stdout.strip()).split())
        raise BatchError(
            f"{name} failed with status {done.returncode}: {words}",
            is_lasting=_LASTING.search(words) is not None,
        )
    return done.stdout


def outer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what the job around this process is.

    A job submitted from within a job would take over its variables, as the memory
    per node, and be refused or be told a wrong number of tasks. SBATCH_EXPORT and its
    like, which sbatch prefers to the lines of a script, go too, on a login node as
    well: a job is what its script says. ``user_defaults`` renders some of them there.
    """
    own = ("SLURM_", "SBATCH_", "SRUN_", "LSB_")
    # Where the batch system is, and the user's key to it.
    kept = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT")
    outer = {
        name: value
        for name, value in environment.items()
        if name in kept or not name.startswith(own)
    }
    # The job's node may have another processor.
    forget_blas(outer)
    return outer


def apply_site(
    lines: Sequence[str], skip: Sequence[str], extra: Sequence[str]
) -> list[str]:
    """Return directives less those that the site forbids, with its own added.

    >>> apply_site(["--mem=4G", "--time=1:00"], ["--mem"], ["--qos=long"])
    ['--time=1:00', '--qos=long']
    """
    kept = [line for line in lines if not any(_is_option(line, x) for x in skip)]
    return kept + list(extra)


def _is_option(line: str, option: str) -> bool:
    """Whether a directive is this option; ``-R "rusage`` tells several -R apart."""
    rest = line.removeprefix(option)
    return line.startswith(option) and (" " in option or rest[:1] in ("", "=", " "))


def script_text(prefix: str, directives: Sequence[str], body: str) -> str:
    """Return a batch script."""
    lines = [f"#{prefix} {line}" for line in directives]
    return "\n".join(["#!/usr/bin/env bash", *lines, "", body.rstrip("\n"), ""])
