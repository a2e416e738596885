"""The report that LSF 10 appends to a job's output, byte for byte."""

import time
from dataclasses import dataclass

from tests.cluster.lsf_double.home import Record

RULE = "-" * 60

REASONS = {
    "TERM_RUNLIMIT": "job killed after reaching LSF run time limit.",
    "TERM_MEMLIMIT": "job killed after reaching LSF memory usage limit.",
    "TERM_OWNER": "job killed by owner.",
}

VALUES_BEGIN_AT = 49


@dataclass(frozen=True)
class Figures:
    """What was measured; None was never sampled."""

    cpu_s: float
    max_mb: float | None
    average_mb: float | None
    processes: int | None
    threads: int | None


def write_report(job: str, request: Record, run: Record, figures: Figures) -> str:
    """Return the whole report: head, script, end, summary."""
    return "\n".join(
        [
            *_head(job, request, run),
            *("Your job looked like:", "", RULE, "# LSBATCH: User input"),
            *(request["text"], RULE, ""),
            *_end(run),
            *_summary(request, run, figures),
            *("The output (if any) is above this job summary.", "", ""),
            *_errors(run["error"]),
        ]
    )


def _head(job: str, request: Record, run: Record) -> list[str]:
    name, user, cluster = request["name"], request["user"], run["cluster"]
    first, *others = run["hosts"]
    by = f"by user <{user}> in cluster <{cluster}> at {_date(request['submitted'])}"
    where = f"<{first}>, in queue <{request['queue']}>, as user <{user}>"
    started, ended = _date(run["started"]), _date(run["ended"])
    return [
        *("", RULE, f"Sender: LSF System <lsfadmin@{first.split('*')[-1]}>"),
        f"Subject: Job {job}: <{name}> in cluster <{cluster}> "
        + ("Exited" if run["exit_code"] else "Done"),
        "",
        f"Job <{name}> was submitted from host <{request['host']}> {by}",
        f"Job was executed on host(s) {where} in cluster <{cluster}> at {started}",
        *(f"{' ' * 28}<{host}>" for host in others),
        f"<{request['home']}> was used as the home directory.",
        f"<{request['cwd']}> was used as the working directory.",
        f"Started at {started}",
        f"Terminated at {ended}",
        f"Results reported at {ended}",
        "",
    ]


def _end(run: Record) -> list[str]:
    if not run["exit_code"]:
        return ["Successfully completed.", ""]
    lines = [f"Exited with exit code {run['exit_code']}.", ""]
    return [reason_line(run["reason"]), *lines] if run["reason"] else lines


def reason_line(reason: str) -> str:
    """Return why a job was ended."""
    return f"{reason}: {REASONS[reason]}"


def _summary(request: Record, run: Record, figures: Figures) -> list[str]:
    reserved, most = request["reserved_mb"], figures.max_mb
    delta = None if reserved is None or most is None else reserved - int(most)
    values = {
        "CPU time": f"{figures.cpu_s:.2f} sec.",
        "Max Memory": "-" if most is None else f"{int(most)} MB",
        "Average Memory": _megabytes(figures.average_mb),
        "Total Requested Memory": _megabytes(reserved),
        "Delta Memory": _megabytes(delta),
        "Max Swap": "-",
        "Max Processes": "-" if most is None else str(figures.processes),
        "Max Threads": "-" if most is None else str(figures.threads),
        "Run time": f"{int(run['ended']) - int(run['started'])} sec.",
        "Turnaround time": f"{int(run['ended']) - int(request['submitted'])} sec.",
    }
    lines = [
        f"    {name} :".ljust(VALUES_BEGIN_AT) + text for name, text in values.items()
    ]
    return ["Resource usage summary:", "", *lines, ""]


def _megabytes(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} MB"


def _errors(path: str | None) -> list[str]:
    if path is None:
        return []
    words = f"Read file <{path}> for stderr output of this job."
    return ["", "PS:", "", words, "", ""]


def _date(seconds: float) -> str:
    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))
