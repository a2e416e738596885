"""What SLURM's accounting says of jobs: one question to sacct, steps included."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

TIMEOUT_S = 60.0
"""An accounting that is down may let sacct wait for long."""

IDS_A_QUESTION = 500
"""So that the command line stays short at any site."""

FIELDS = (
    *("JobID", "State", "ExitCode", "Submit", "Start", "End", "ElapsedRaw"),
    *("TotalCPU", "MaxRSS", "ReqMem", "AllocCPUS", "NNodes", "NodeList"),
    *("TRESUsageInTot", "TimelimitRaw"),
)

ALIVE = frozenset(
    {"PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED"}
)

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4, "P": 1024**5}
_NO_NODE = ("", "None assigned", "None")


@dataclass(frozen=True)
class SlurmJob:
    """A job as sacct tells of it; None is what it does not know, or not yet."""

    job_id: str
    state: str
    """Without what may follow it, as in "CANCELLED by 0"."""
    exit_code: int | None
    nodes: str | None
    submitted_t: float | None
    """This and those below: seconds since 1970."""
    started_t: float | None
    ended_t: float | None
    elapsed_s: float | None
    cpu_s: float | None
    """User and system, of all steps."""
    max_rss_bytes: float | None
    """Of the step that used most, over its tasks; SLURM samples it."""
    requested_bytes: float | None
    cores: int | None
    walltime_s: float | None

    @property
    def is_ended(self) -> bool:
        """Whether the job will do no more."""
        return self.state not in ALIVE


@dataclass(frozen=True)
class Answer:
    """The jobs that sacct knows, and why others may be missing."""

    jobs: dict[str, SlurmJob]
    problem: str | None


def ask_sacct(job_ids: Sequence[str], timeout_s: float = TIMEOUT_S) -> Answer:
    """Return what sacct knows of jobs; no failure of it is an exception."""
    # One id that is none, and sacct answers for no job at all.
    ids = [each for each in job_ids if re.fullmatch(r"[0-9]+([_+][0-9]+)?", each)]
    jobs: dict[str, SlurmJob] = {}
    for first in range(0, len(ids), IDS_A_QUESTION):
        asked = ids[first : first + IDS_A_QUESTION]
        try:
            jobs |= parse_answer(_run_sacct(asked, timeout_s))
        except _SacctError as error:
            return Answer(jobs, str(error))
    unknown = [each for each in job_ids if each not in jobs]
    problem = f"sacct does not know {_some(unknown)}" if unknown else None
    return Answer(jobs, problem)


class _SacctError(Exception):
    """Why sacct gave no answer."""


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
    return f"job {shown}" if len(ids) == 1 else f"{len(ids)} jobs ({shown})"


def _run_sacct(job_ids: Sequence[str], timeout_s: float) -> str:
    command = ["sacct", "--noheader", "--parsable2", "--noconvert"]
    command += [f"--format={','.join(FIELDS)}", f"--jobs={','.join(job_ids)}"]
    # Times as seconds since 1970 know no time zone and no summer.
    environment = os.environ | {"SLURM_TIME_FORMAT": "%s", "LC_ALL": "C"}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise _SacctError("there is no sacct on this machine") from None
    except OSError as error:
        raise _SacctError(f"sacct does not start: {error.strerror}") from error
    try:
        printed, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise _SacctError(f"sacct gave no answer in {timeout_s:g} s") from None
    finally:
        _end(process)
    if process.returncode != 0:
        said = _last_line(errors) or _last_line(printed) or "no word"
        raise _SacctError(f"sacct failed with exit code {process.returncode}: {said}")
    return printed.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs: sacct may be a site's script, with children."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _last_line(printed: bytes) -> str:
    lines = printed.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def parse_answer(text: str) -> dict[str, SlurmJob]:
    """Return the jobs of what sacct printed, by id; lines of another form are none."""
    lines: dict[str, dict[str, str]] = {}
    steps: dict[str, list[dict[str, str]]] = {}
    for line in text.splitlines():
        values = line.split("|")
        if len(values) != len(FIELDS):
            continue
        row = dict(zip(FIELDS, values, strict=True))
        job_id, dot, _ = row["JobID"].partition(".")
        if dot:
            steps.setdefault(job_id, []).append(row)
        else:
            lines[job_id] = row
    return {
        job_id: _job(job_id, row, steps.get(job_id, []))
        for job_id, row in lines.items()
    }


def _job(job_id: str, row: dict[str, str], steps: list[dict[str, str]]) -> SlurmJob:
    state = _state(row["State"])
    if state == "PENDING" and any(_state(x["State"]) == "RUNNING" for x in steps):
        # In its first seconds a job is behind its own step.
        state = "RUNNING"
    nodes = None if row["NodeList"] in _NO_NODE else row["NodeList"]
    code = re.match("[0-9]{1,9}", row["ExitCode"])
    limit = re.fullmatch("[0-9]{1,12}", row["TimelimitRaw"])
    return SlurmJob(
        job_id=job_id,
        state=state,
        exit_code=int(code[0]) if code and state not in ALIVE else None,
        nodes=nodes,
        submitted_t=parse_time(row["Submit"]),
        # A job cancelled while it waited has a start too.
        started_t=parse_time(row["Start"]) if nodes else None,
        ended_t=parse_time(row["End"]),
        elapsed_s=parse_duration(row["ElapsedRaw"]) if nodes else None,
        cpu_s=_cpu_s(row, steps) if state not in ALIVE else None,
        max_rss_bytes=_highest(_memory_of(step) for step in steps),
        requested_bytes=_requested_bytes(row),
        cores=_count(row["AllocCPUS"]),
        walltime_s=60.0 * int(limit[0]) if limit else None,
    )


def _state(text: str) -> str:
    return text.split()[0].rstrip("+") if text.split() else "UNKNOWN"


def _cpu_s(row: dict[str, str], steps: list[dict[str, str]]) -> float | None:
    """Return the CPU seconds of a job that has ended.

    Where a job was killed, SLURM knows of its processes only what it had sampled.
    """
    own = [_highest([parse_duration(x["TotalCPU"]), _sampled_cpu(x)]) for x in steps]
    known = [each for each in own if each is not None]
    return _highest([parse_duration(row["TotalCPU"]), sum(known) if known else None])


def _sampled_cpu(step: dict[str, str]) -> float | None:
    return parse_duration(_tres(step["TRESUsageInTot"]).get("cpu", ""))


def _memory_of(step: dict[str, str]) -> float | None:
    """Return what a step used over its tasks; MaxRSS is that of its largest task."""
    together = parse_memory(_tres(step["TRESUsageInTot"]).get("mem", ""))
    return _highest([together, parse_memory(step["MaxRSS"])])


def _requested_bytes(row: dict[str, str]) -> float | None:
    """Return ReqMem of the whole job; before SLURM 21.08 it was by node or core."""
    text = row["ReqMem"]
    factor = {"n": _count(row["NNodes"]), "c": _count(row["AllocCPUS"])}
    each = parse_memory(text.rstrip("nc"))
    if not each or text[-1] not in factor:
        # 0 asks for all that a node has, whatever that is.
        return each or None
    times = factor[text[-1]]
    return None if times is None else each * times


def _tres(text: str) -> dict[str, str]:
    """Return the parts of a text such as cpu=00:00:03,mem=733164K."""
    pairs = (part.partition("=") for part in text.split(","))
    return {name: value for name, _, value in pairs}


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _count(text: str) -> int | None:
    number = int(text) if re.fullmatch("[0-9]{1,12}", text) else 0
    return number or None


def parse_duration(text: str) -> float | None:
    """Return seconds, None for what is no duration, as UNLIMITED.

    >>> parse_duration("1-02:03:04.5"), parse_duration("03:04.5"), parse_duration("7")
    (93784.5, 184.5, 7.0)
    """
    pattern = r"(?:(?:([0-9]{1,9})-)?([0-9]{1,9}):)?(?:([0-9]{1,9}):)?"
    found = re.fullmatch(pattern + r"([0-9]{1,18}(?:\.[0-9]{1,9})?)", text)
    if found is None:
        return None
    days, hours, minutes, seconds = found.groups()
    if minutes is None:
        hours, minutes = None, hours
    whole = (int(days or 0) * 24 + int(hours or 0)) * 3600 + int(minutes or 0) * 60
    return whole + float(seconds)


def parse_memory(text: str) -> float | None:
    """Return bytes, None for what is no size.

    >>> parse_memory("1234K"), parse_memory("2.5G"), parse_memory("16?")
    (1263616.0, 2684354560.0, None)
    """
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)([KMGTP]?)", text)
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def parse_time(text: str) -> float | None:
    """Return seconds since 1970 of such seconds, or of local time in ISO format.

    >>> parse_time("1795317141"), parse_time("Unknown")
    (1795317141.0, None)
    """
    if re.fullmatch("[0-9]{1,12}", text):
        return float(text) or None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
