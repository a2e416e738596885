"""The command bjobs."""

import re
import sys
import time

from tests.cluster.lsf_double.home import Home
from tests.cluster.lsf_double.states import Job, list_jobs
from tests.cluster.lsf_double.words import RefusedError

ALIASES = {"id": "jobid", "name": "job_name", "eh": "exec_host", "fh": "from_host"}

TABLE = (
    *(("jobid", 7), ("user", 7), ("stat", 5), ("queue", 10), ("from_host", 11)),
    *(("exec_host", 11), ("job_name", 10), ("submit_time", 12)),
)


def run(words: list[str], home: Home) -> int:
    """Show jobs."""
    try:
        asked = _parse(words)
        jobs = list_jobs(home)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 255
    shown, missing = _select(jobs, asked)
    if shown and asked["format"]:
        _print_fields(shown, asked["format"], header=not asked["no_header"])
    elif shown:
        _print_table(shown, wide=asked["wide"], header=not asked["no_header"])
    for line in missing:
        print(line, file=sys.stderr)
    return 255 if missing else 0


def _parse(words: list[str]) -> dict:
    asked = {"all": False, "user": None, "name": None, "queue": None, "ids": []}
    asked |= {"format": None, "no_header": False, "wide": False, "stats": set()}
    with_value = {"-u": "user", "-J": "name", "-o": "format", "-q": "queue"}
    flags = {"-a": "all", "-noheader": "no_header", "-w": "wide"}
    stats = {"-p": {"PEND"}, "-r": {"RUN"}, "-d": {"DONE", "EXIT"}}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in with_value and rest:
            asked[with_value[word]] = rest.pop(0)
        elif word in flags:
            asked[flags[word]] = True
        elif word in stats:
            asked["stats"] |= stats[word]
        elif word.isdecimal():
            asked["ids"].append(word)
        elif word.startswith("-"):
            raise RefusedError(f"bjobs: Illegal option -- {word.lstrip('-')}")
        else:
            raise RefusedError(f"{word}: Illegal job ID.")
    return asked


def _select(jobs: list[Job], asked: dict) -> tuple[list[Job], list[str]]:
    """Return the jobs to show, and what to say of those that are not there."""
    if asked["ids"]:
        known = {job.id: job for job in jobs}
        shown = [known[wanted] for wanted in asked["ids"] if wanted in known]
        missing = [wanted for wanted in asked["ids"] if wanted not in known]
        return shown, [f"Job <{wanted}> is not found" for wanted in missing]
    shown = [job for job in jobs if _is_wanted(job, asked)]
    if shown:
        return shown, []
    if asked["name"]:
        return [], [f"Job <{asked['name']}> is not found"]
    return [], ["No job found" if asked["all"] else "No unfinished job found"]


def _is_wanted(job: Job, asked: dict) -> bool:
    stats = asked["stats"] or ({"PEND", "RUN"} | ({"DONE", "EXIT"} & _ended(asked)))
    name = re.escape(asked["name"] or "*").replace(r"\*", ".*")
    return (
        job.stat in stats
        and asked["user"] in (None, "all", job.request["user"])
        and asked["queue"] in (None, job.request["queue"])
        and re.fullmatch(name, job.request["name"], re.DOTALL) is not None
    )


def _ended(asked: dict) -> set[str]:
    return {"DONE", "EXIT"} if asked["all"] else set()


def _print_fields(jobs: list[Job], text: str, *, header: bool) -> None:
    """Print as `-o "field ... delimiter='|'"` asks."""
    match = re.search(r"delimiter=(['\"])(.*?)\1", text)
    names = [
        word.partition(":")[0] for word in re.sub(r"delimiter=\S+", "", text).split()
    ]
    names = [ALIASES.get(name, name) for name in names]
    rows = [[name.upper() for name in names]] if header else []
    rows += [[_field(job, name) for name in names] for job in jobs]
    widths = [0] * len(names)
    if match is None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print((match[2] if match else " ").join(cells))


def _field(job: Job, name: str) -> str:
    fields = {
        "jobid": job.id,
        "stat": job.stat,
        "user": job.request["user"],
        "queue": job.request["queue"],
        "job_name": job.request["name"],
        "proj_name": job.request["project"],
        "from_host": job.request["host"],
        "exec_host": ":".join(job.hosts),
        "pend_reason": job.pend_reason,
        "exit_code": str(job.exit_code or ""),
        "exit_reason": job.exit_reason,
        "submit_time": _date(job.request["submitted"]),
        "start_time": _date(job.started),
        "finish_time": _date(job.ended),
        "run_time": f"{int(_run_time(job))} second(s)",
    }
    if name not in fields:
        raise SystemExit(f"{name}: Invalid field name.")
    return fields[name] or "-"


def _run_time(job: Job) -> float:
    return (job.ended or time.time()) - job.started if job.started else 0.0


def _print_table(jobs: list[Job], *, wide: bool, header: bool) -> None:
    rows = [[name.upper() for name, _ in TABLE]] if header else []
    rows += [[_cell(job, name) for name, _ in TABLE] for job in jobs]
    for row in rows:
        cells = [
            (cell if wide else _cut(cell, name, width)).ljust(width)
            for cell, (name, width) in zip(row, TABLE, strict=True)
        ]
        print(" ".join(cells).rstrip())


def _cell(job: Job, name: str) -> str:
    text = _field(job, name)
    return "" if name == "exec_host" and text == "-" and job.stat == "PEND" else text


def _cut(cell: str, name: str, width: int) -> str:
    """Shorten: of a job's name LSF keeps the end."""
    if len(cell) <= width:
        return cell
    return f"*{cell[1 - width :]}" if name == "job_name" else cell[:width]


def _date(seconds: float | None) -> str:
    return time.strftime("%b %e %H:%M", time.localtime(seconds)) if seconds else ""
