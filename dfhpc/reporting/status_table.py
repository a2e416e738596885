"""How far a run is, as plain text for 80 columns."""

import textwrap
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tabulate import tabulate

from dfhpc.reporting.extraction_text import extraction_text

WIDTH = 79

MAX_JOBS = 8
"""Jobs listed one by one; beyond, the counts must do."""


def status_text(status: Mapping[str, Any]) -> str:
    """Return how far each stage is, who works on it, and what went wrong."""
    rows = [_row(stage) for stage in status["stages"]]
    table = tabulate(rows, headers=["stage", "state", "done", "failed", "left"])
    head = f"{status['run_dir']}, {clock_text(status['t'], status['t'])}"
    lines = [head, "", table, ""]
    for sentence in _sentences(status):
        # Surrogates stand for bytes of a file name that are no text.
        printable = sentence.encode("utf-8", "backslashreplace").decode()
        lines += textwrap.wrap(
            printable,
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    if status["working"]:
        # What a dead driver wrote of its jobs is no longer so.
        lines += _job_lines(status["jobs"])
    if status["extraction"]:
        lines += ["", extraction_text(status["extraction"])]
    return "\n".join(lines).rstrip()


def _row(stage: Mapping[str, Any]) -> tuple[str, ...]:
    failed = f"{stage['failed']} videos" if stage["failed"] else ""
    if stage.get("failed_unread"):
        failed = f">= {stage['failed']} videos"
    return (
        stage["stage"],
        stage["state"],
        f"{stage['done']} of {stage['total']} {stage['unit']}",
        failed,
        str(stage["left"] or ""),
    )


def _sentences(status: Mapping[str, Any]) -> Iterator[str]:
    now = status["t"]
    yield from _failure_sentences(status["stages"])
    if status["task"]:
        yield _task_sentence(status["task"], now)
    yield _driver_sentence(status)
    if status["drivers_waiting"]:
        yield f"Drivers submitted, still to come: {_jobs(status['drivers_waiting'])}."
    if status["jobs"]:
        yield _workers_sentence(status["jobs"], working=status["working"], now=now)
    error = status["error"]
    if error:
        when = clock_text(error["t"], now)
        message = " ".join(error["message"].split())
        yield f"Last error ({when}, {error['where']}): {message}"
    for problem in status["problems"]:
        yield f"Not read: {problem}"


def _failure_sentences(stages: list[Mapping[str, Any]]) -> Iterator[str]:
    for stage in stages:
        if stage.get("quarantined"):
            yield f"{stage['quarantined']} videos quarantined: they killed workers."
        if stage.get("failed_unread"):
            yield (
                f"{stage['failed_unread']} partitions are not looked at yet for "
                "failed videos."
            )


def _task_sentence(task: Mapping[str, Any], now: float) -> str:
    age_s = now - task["updated_t"]
    if task["label"] is None:
        return f"Now: stage {task['stage']}, for {duration_text(age_s)}."
    text = f"Now: {task['label']}, {task['done']} of {task['total']} {task['unit']}s"
    if task["per_minute"]:
        text += f", {rate_text(task['per_minute'])} a minute"
    if task["left"] and task["end_t"]:
        left_s = task["end_t"] - now
        end = clock_text(max(task["end_t"], now), now)
        text += f"; about {duration_text(left_s)} left, until {end}"
    elif task["left"] and not task["is_fresh"]:
        text += f"; nothing more for {duration_text(age_s)}, so no end can be told"
    return f"{text}."


def _driver_sentence(status: Mapping[str, Any]) -> str:
    if status["working"]:
        return f"At work: {_who(status['working'])}."
    if status["finished"]:
        return "Finished."
    again = "give the same command again, or submit again."
    if status["drivers_waiting"]:
        again = (
            "others were submitted earlier; whether they still wait only `squeue` "
            "(or `bjobs`) knows."
        )
    if status["ended_driver"]:
        who = _who(status["ended_driver"])
        return f"Not working now: the driver ({who}) has ended; {again}"
    return f"Not working now; {again}"


def _who(driver: Mapping[str, Any]) -> str:
    job = f", job {driver['job']}" if driver["job"] else ""
    return f"process {driver['pid']} on {driver['host']}{job}"


def _workers_sentence(
    cluster: Mapping[str, Any], *, working: Mapping[str, Any] | None, now: float
) -> str:
    counts = cluster["workers"]
    text = f"Workers ({cluster['system']}): {counts['running']} running"
    text += f" of {counts['wanted']} wanted"
    if counts["pending"]:
        text += f", {counts['pending']} pending"
        text += f" ({cluster['pending_reason']})" if cluster["pending_reason"] else ""
    if counts["lost"]:
        text += f", {counts['lost']} lost so far"
    if cluster["excluded_nodes"]:
        text += f"; nodes not used: {', '.join(cluster['excluded_nodes'])}"
    if cluster["message"]:
        text += f"; {cluster['message']}"
    if cluster["is_stale"] or working is None:
        text += f" -- as of {duration_text(now - cluster['t'])} ago"
    return f"{text.rstrip('.')}."


def _job_lines(cluster: Mapping[str, Any] | None) -> list[str]:
    """Return a table of the jobs, where they are few."""
    if not cluster or not 0 < len(cluster["jobs"]) <= MAX_JOBS:
        return []
    names = ("job_id", "role", "state", "node", "reason")
    rows = [[job[name] or "" for name in names] for job in cluster["jobs"]]
    header = ["job", "role", "state", "node", "reason"]
    return ["", tabulate(rows, headers=header, disable_numparse=True)]


def _jobs(ids: list[str]) -> str:
    shown = ", ".join(ids[:MAX_JOBS])
    return shown if len(ids) <= MAX_JOBS else f"{shown} and {len(ids) - MAX_JOBS} more"


def duration_text(seconds: float) -> str:
    """Return a length of time in its two largest units.

    >>> [duration_text(s) for s in (-1, 59.4, 125, 7500, 180000)]
    ['0 s', '59 s', '2 min', '2 h 05 min', '2 d 2 h']
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole // 60 % 60:02d} min"
    return f"{whole // 86400} d {whole // 3600 % 24} h"


def clock_text(t: float, now: float) -> str:
    """Return the local time of day, with the date where it is another day's."""
    then, today = time.localtime(t), time.localtime(now)
    is_today = then[:3] == today[:3]
    return time.strftime("%H:%M:%S" if is_today else "%a %Y-%m-%d %H:%M", then)


def rate_text(per_minute: float) -> str:
    """Return a rate with about three digits.

    >>> [rate_text(rate) for rate in (1234.5, 12.34, 0.0567)]
    ['1234', '12.3', '0.057']
    """
    if per_minute >= 100:
        return f"{per_minute:.0f}"
    return f"{per_minute:.1f}" if per_minute >= 1 else f"{per_minute:.2g}"
