"""SLURM: directives, submission, queue."""

import math
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from dfhpc.cluster.batch import (
    JobRequest,
    JobState,
    QueuedJob,
    Submission,
    apply_site,
    run_command,
    script_text,
)
from dfhpc.cluster_config import ClusterConfig
from dfhpc.durations import slurm_duration
from dfhpc.errors import BatchError
from dfhpc.this_job import BatchName

_PENDING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"}
_RUNNING = {
    *("RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"),
    *("RESIZING", "STAGE_OUT"),
}

# The state's name is last but one, and the job's name last: it may hold anything.
_FORMAT = "%i|%T|%N|%r|%j"


class Slurm:
    """SLURM by its commands."""

    name: BatchName = "slurm"
    commands: tuple[str, ...] = ("sbatch", "squeue", "scancel")

    def __init__(self, config: ClusterConfig) -> None:
        """Take queue, account and what else a site asks for from ``config``."""
        self._config = config

    def directives(self, request: JobRequest) -> list[str]:
        """Return the options of a job; SLURM's M is 1024 * 1024 bytes."""
        config = self._config
        megabytes = math.ceil(request.memory_bytes / 1024**2)
        lines = [
            f"--job-name={request.name}",
            f"--output={shlex.quote(_pattern(request.output))}",
            "--open-mode=append",
            f"--ntasks={request.tasks}",
            f"--cpus-per-task={request.cores}",
            f"--time={slurm_duration(request.walltime_s)}",
            "--export=ALL",
        ]
        if request.tasks == 1:
            lines += ["--nodes=1", f"--mem={megabytes}M"]
        else:
            lines.append(f"--mem-per-cpu={math.ceil(megabytes / request.cores)}M")
        if request.signal_before_s is not None:
            # B: to the batch shell, whose place dfhpc has taken by exec.
            lines.append(f"--signal=B:USR2@{request.signal_before_s}")
        if request.after is not None:
            lines.append(f"--dependency=afterany:{request.after}")
        if not request.may_requeue:
            lines.append("--no-requeue")
        if queue := request.queue or config.queue:
            lines.append(f"--partition={queue}")
        if config.account:
            lines.append(f"--account={config.account}")
        if config.exclude_nodes:
            lines.append(f"--exclude={','.join(config.exclude_nodes)}")
        return apply_site(lines, config.skip_directives, config.extra_directives)

    def submission(self, request: JobRequest, body: str) -> Submission:
        """Return ``sbatch`` with the script on standard input."""
        script = script_text("SBATCH", self.directives(request), body)
        return Submission(("sbatch", "--parsable"), script)

    def submit(self, submission: Submission) -> str:
        """Submit and return the job's id."""
        printed = run_command(submission.command, submission.script)
        return parse_job_id(printed)

    def refusal(self, request: JobRequest) -> BatchError | None:
        """Return what SLURM has against a job, which is tested and not taken."""
        submission = self.submission(request, "true")
        try:
            run_command((*submission.command, "--test-only"), submission.script)
        except BatchError as error:
            return error
        return None

    def jobs(self, prefix: str) -> list[QueuedJob]:
        """Return this user's jobs by ``squeue``, those that just ended too."""
        command = ("squeue", "--noheader", f"--user={os.getuid()}")
        printed = run_command((*command, "--states=all", f"--format={_FORMAT}"))
        jobs = [_parse_line(line) for line in printed.splitlines() if line.strip()]
        return [job for job in jobs if job is not None and job.name.startswith(prefix)]

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs by ``scancel``."""
        if job_ids:
            run_command(("scancel", "--quiet", *job_ids))


def _pattern(output: Path) -> str:
    """Return a path as SLURM's pattern of one; its %J would name the step too.

    >>> _pattern(Path("/runs/50%/w1-%J.out"))
    '/runs/50%%/w1-%j.out'
    """
    return str(output).replace("%J", "%j").replace("%", "%%").replace("%%j", "%j")


def parse_job_id(printed: str) -> str:
    """Return the id that ``sbatch --parsable`` printed, and nothing that resembles it.

    >>> parse_job_id("4711;cluster2")
    '4711'
    >>> parse_job_id("sbatch: 2 GPUs are free today" + chr(10) + "4711")
    '4711'

    Raises
    ------
    BatchError
        When no line is a job id.
    """
    for line in reversed(printed.splitlines()):
        match = re.fullmatch(r"(\d+)(;[\w.-]+)?", line.strip())
        if match:
            return match.group(1)
    raise BatchError(f"sbatch printed no job id but: {printed.strip()!r}.")


def _parse_line(line: str) -> QueuedJob | None:
    parts = line.split("|", 4)
    if len(parts) < 5 or not parts[0].isdigit():
        return None
    job_id, word, node, reason, name = parts
    reason = "" if reason == "None" else reason
    return QueuedJob(job_id, name, _state(word), word, node or None, reason)


def _state(word: str) -> JobState:
    if word in _PENDING:
        return "pending"
    return "running" if word in _RUNNING else "ended"
