"""LSF: directives, submission, queue."""

import math
import re
import shlex
from collections.abc import Sequence

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
from dfhpc.durations import lsf_duration
from dfhpc.errors import BatchError
from dfhpc.this_job import BatchName

_BYTES = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}

_PENDING = {"PEND", "PSUSP", "WAIT", "FWD_PEND"}
_RUNNING = {"RUN", "USUSP", "SSUSP", "UNKWN", "PROV"}

_FIELDS = "jobid stat exec_host exit_reason pend_reason job_name"

_SUBMITTED = re.compile(r"^Job <(\d+)> is submitted to (?:default )?queue <", re.M)


class Lsf:
    """LSF by its commands."""

    name: BatchName = "lsf"
    commands: tuple[str, ...] = ("bsub", "bjobs", "bkill")

    def __init__(self, config: ClusterConfig) -> None:
        """Take queue, project and what else a site asks for from ``config``."""
        self._config = config

    def directives(self, request: JobRequest) -> list[str]:
        """Return the options of a job; memory is a limit and a reservation."""
        config = self._config
        limit = self._memory(request.memory_bytes * request.tasks)
        reserved = self._memory(request.memory_bytes)
        if request.tasks > 1:
            # Said outright: sites differ in whether a plain number is for each host.
            # A task of LSF is one slot, and a part of ours has as many as cores.
            each = math.ceil(request.memory_bytes / request.cores)
            reserved = f"{self._memory(each)}/task"
        lines = [
            f"-J {request.name}",
            f"-o {shlex.quote(str(request.output))}",
            f"-n {request.cores * request.tasks}",
            f"-M {limit}",
            # By default LSF reserves nothing, and hosts are overcommitted.
            f'-R "rusage[mem={reserved}]"',
            f"-W {lsf_duration(request.walltime_s)}",
        ]
        if request.tasks == 1:
            lines.append('-R "span[hosts=1]"')
        elif request.cores > 1:
            lines.append(f'-R "span[block={request.cores}]"')
        if request.signal_before_s is not None:
            before = math.ceil(request.signal_before_s / 60)
            lines += ["-wa USR2", f"-wt {before}"]
        if request.after is not None:
            lines.append(f'-w "ended({request.after})"')
        if queue := request.queue or config.queue:
            # LSF takes several names, and chooses.
            lines.append(f"-q {shlex.quote(queue)}")
        if config.account:
            lines.append(f"-P {shlex.quote(config.account)}")
        if config.exclude_nodes:
            others = " && ".join(f"hname!='{node}'" for node in config.exclude_nodes)
            lines.append(f'-R "select[{others}]"')
        return apply_site(lines, config.skip_directives, config.extra_directives)

    def _memory(self, count: int) -> str:
        """Return memory with its unit, or the plain number LSF 9 wants."""
        unit = self._config.memory_unit
        number = math.ceil(count / _BYTES[unit or "MB"])
        return f"{number}" if unit else f"{number}MB"

    def submission(self, request: JobRequest, body: str) -> Submission:
        """Return ``bsub`` with the script on standard input.

        Where a site's bsub takes no script from there, the options stand on the
        command line: #BSUB lines of a script named as an argument are not read.
        """
        directives = self.directives(request)
        script = script_text("BSUB", directives, body)
        if self._config.use_stdin:
            return Submission(("bsub",), script)
        path = request.output.parent / f"{request.name}.sh"
        options = (part for line in directives for part in shlex.split(line))
        return Submission(("bsub", *options, "bash", str(path)), script, path)

    def submit(self, submission: Submission) -> str:
        """Submit and return the job's id."""
        if submission.script_path is None:
            printed = run_command(submission.command, submission.script)
        else:
            submission.script_path.parent.mkdir(parents=True, exist_ok=True)
            submission.script_path.write_text(submission.script, encoding="utf-8")
            printed = run_command(submission.command)
        return parse_job_id(printed)

    def jobs(self, prefix: str) -> list[QueuedJob]:
        """Return this user's jobs by ``bjobs``, those that just ended too."""
        fields = f"{_FIELDS} delimiter='|'"
        try:
            printed = run_command(("bjobs", "-a", "-noheader", "-o", fields))
        except BatchError as error:
            if re.search("No (unfinished )?job found", str(error)):
                return []
            raise
        jobs = [_parse_line(line) for line in printed.splitlines() if line.strip()]
        return [job for job in jobs if job is not None and job.name.startswith(prefix)]

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End jobs by ``bkill``."""
        if not job_ids:
            return
        try:
            run_command(("bkill", *job_ids))
        except BatchError as error:
            if not re.search("already finished|No matching job", str(error)):
                raise


def parse_job_id(printed: str) -> str:
    """Return the id that ``bsub`` printed, and no other number.

    >>> parse_job_id("Job <4711> is submitted to default queue <normal>.")
    '4711'

    Raises
    ------
    BatchError
        When the line is not there.
    """
    match = _SUBMITTED.search(printed)
    if match is None:
        raise BatchError(f"bsub printed no job id but: {printed.strip()!r}.")
    return match.group(1)


def _parse_line(line: str) -> QueuedJob | None:
    parts = line.split("|", 5)
    if len(parts) < 6 or not parts[0].strip().isdigit():
        return None
    job_id, word, hosts, ended, reason, name = (part.strip() for part in parts)
    state = _state(word)
    if ended.startswith("TERM_"):
        word = ended.split(":")[0]
    node = None if hosts in ("", "-") else hosts.split(":")[0].rpartition("*")[2]
    shown = "" if reason == "-" else reason
    return QueuedJob(job_id, name, state, word, node, shown)


def _state(word: str) -> JobState:
    if word in _PENDING:
        return "pending"
    return "running" if word in _RUNNING else "ended"
