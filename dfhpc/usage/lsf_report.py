"""LSF's job reports, as it mails them or writes them behind a job's output.

The layouts are those of real reports of LSF 7 to 10. What is not in a report is None.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dfhpc.usage.summary import Usage

LARGEST_FILE = 64 * 1024**2
"""Of a larger output only so many bytes at each end are searched for reports."""

_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

_SUBJECT = re.compile(
    r"^Subject: Job (?P<id>[0-9]{1,18}(?:\[[0-9]{1,18}\])?): <"
    r"(?P<name>(?:[^\n]|\n[ \t])*?)>"
    r"(?: in cluster <(?P<cluster>[^<>]*)>)? (?P<word>Done|Exited)[ \t\r]*$",
    re.MULTILINE,
)
_DATE = r"(?:at|on) \w{3} +(\w{3}) +([0-9]{1,2}) +([0-9]{1,2}):([0-9]{2}):([0-9]{2})"
_DATE += r"(?: +\w{3,4})? +([0-9]{4})\b"
_HOSTS = re.compile(
    r"^Job was executed on host\(s\) <([^<>]*)>(?:, in queue <([^<>]*)>)?.*"
    r"((?:\n[ \t]+<[^<>\n]*>[ \t]*)*)",
    re.MULTILINE,
)
_ENDED = re.compile(
    r"^Exited(?: with exit code ([0-9]{1,9})\b"
    r"| (?:by signal|with signal termination:) ([0-9]{1,9})\b)",
    re.MULTILINE,
)
_TERM = re.compile(r"^(TERM_[A-Z_]+)\b", re.MULTILINE)
_RULE = r"^-{20,}[ \t\r]*\n"
_SCRIPT_BEGINS = re.compile(_RULE, re.MULTILINE)
_SCRIPT_ENDS = re.compile(
    _RULE + r"\s*(?=Successfully|Exited|TERM_|Resource usage summary:)", re.MULTILINE
)
_OUTPUT = re.compile(r"^The output \(if any\) ", re.MULTILINE)
_SUMMARY = "Resource usage summary:"
_FIGURE = re.compile(
    r"[ \t]*([A-Za-z][A-Za-z ]{2,40}?)[ \t]*:[ \t]+(-|[0-9]{1,18}(?:\.[0-9]{1,18})?)"
    r"[ \t]*([A-Za-z]{1,10}\.?)?[ \t\r]*"
)
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4, "p": 1024**5}


@dataclass(frozen=True)
class LsfReport:
    """What LSF says of a job that ended."""

    job_id: str
    name: str
    is_done: bool
    """LSF's "Done"; otherwise "Exited"."""
    cluster: str | None
    hosts: tuple[tuple[str, int], ...]
    """Name and slots of each host."""
    queue: str | None
    submitted: datetime | None
    """This and those below: local time of the cluster, as LSF prints it."""
    started: datetime | None
    terminated: datetime | None
    reported: datetime | None
    exit_code: int | None
    """0 of a job that completed."""
    signal: int | None
    term_reason: str | None
    """As TERM_MEMLIMIT; what it means is in IBM's "Termination reasons"."""
    usage: Usage
    delta_bytes: float | None

    @property
    def state(self) -> str:
        """Return DONE, EXIT, or why LSF ended the job."""
        return "DONE" if self.is_done else self.term_reason or "EXIT"


def find_report(text: str, job_id: str) -> LsfReport | None:
    """Return the last report on a job: ``bsub -o`` appends where a job is run again."""
    found = [report for report in parse_reports(text) if report.job_id == job_id]
    return found[-1] if found else None


def read_report(path: Path, job_id: str) -> LsfReport | None:
    """Return the last report on a job in a file, None without one.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LARGEST_FILE))
        text = _text(file.read())
        found = find_report(text, job_id)
        if found is None and size > LARGEST_FILE:
            # Where LSF puts the output behind the report.
            file.seek(0)
            found = find_report(_text(file.read(LARGEST_FILE)), job_id)
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def parse_reports(text: str) -> Iterator[LsfReport]:
    """Yield every report in ``text``, which may hold anything else besides."""
    heads = list(_SUBJECT.finditer(text))
    ends = [head.start() for head in heads] + [len(text)]
    for head, end in zip(heads, ends[1:], strict=True):
        yield _parse(head, text[head.end() : end])


def _parse(head: re.Match[str], body: str) -> LsfReport:
    """Return the report that begins with a subject; ``body`` goes on to the next."""
    facts, ending = _parts(body)
    before, _, after = ending.partition(_SUMMARY)
    figures = dict(_figures(after))
    is_done = head["word"] == "Done"
    exit_code, signal = _exit(before, is_done=is_done)
    term = _TERM.search(before)
    hosts, queue = _hosts(facts)
    return LsfReport(
        job_id=head["id"],
        name=head["name"],
        is_done=is_done,
        cluster=head["cluster"],
        hosts=hosts,
        queue=queue,
        submitted=_time(r" was submitted from host <[^<>\n]*>[^\n]* ", facts),
        started=_time("^Started ", facts),
        terminated=_time("^Terminated ", facts),
        reported=_time("^Results reported ", facts),
        exit_code=exit_code,
        signal=signal,
        term_reason=term[1] if term else None,
        usage=_usage(figures),
        delta_bytes=figures.get("delta memory"),
    )


def _parts(body: str) -> tuple[str, str]:
    """Return what a report says of the job, and what it says of its end.

    Between them stands the user's script, and behind them may stand the output: what
    those say is not LSF's word, even where it looks so.
    """
    facts, _, rest = body.partition("\nYour job looked like:")
    begins = _SCRIPT_BEGINS.search(rest)
    ends = _SCRIPT_ENDS.search(rest, begins.end() if begins else 0)
    ending = rest[ends.end() :] if ends else rest
    output = _OUTPUT.search(ending)
    return facts, ending[: output.start()] if output else ending


def _figures(summary: str) -> Iterator[tuple[str, float | None]]:
    """Yield name and value of each line, in seconds or bytes, None for "-"."""
    lines = (line for line in summary.splitlines() if line.strip())
    matches = map(_FIGURE.fullmatch, lines)
    for match in itertools.takewhile(bool, matches):
        if match is None:
            return
        name, value, unit = match.groups()
        factor = 1 if not unit else _UNITS.get(unit[0].lower(), 1)
        yield name.lower(), None if value == "-" else float(value) * factor


def _usage(figures: dict[str, float | None]) -> Usage:
    processes, threads = figures.get("max processes"), figures.get("max threads")
    return Usage(
        cpu_s=figures.get("cpu time"),
        max_rss_bytes=figures.get("max memory"),
        average_rss_bytes=figures.get("average memory"),
        requested_bytes=figures.get("total requested memory"),
        max_processes=None if processes is None else int(processes),
        max_threads=None if threads is None else int(threads),
        run_s=figures.get("run time"),
        turnaround_s=figures.get("turnaround time"),
        max_swap_bytes=figures.get("max swap"),
    )


def _exit(before: str, *, is_done: bool) -> tuple[int | None, int | None]:
    """Return exit code and signal."""
    ended = _ENDED.search(before)
    if is_done:
        return 0, None
    code, signal = ended.groups() if ended else (None, None)
    return int(code) if code else None, int(signal) if signal else None


def _hosts(facts: str) -> tuple[tuple[tuple[str, int], ...], str | None]:
    """Return name and slots of each host, and the queue."""
    found = _HOSTS.search(facts)
    if found is None:
        return (), None
    first, queue, more = found.groups()
    names = [first, *re.findall("<([^<>]*)>", more)]
    return tuple(map(_host, names)), queue


def _host(text: str) -> tuple[str, int]:
    slots = re.fullmatch(r"([0-9]{1,9})\*(.*)", text)
    return (slots[2], int(slots[1])) if slots else (text, 1)


def _time(before: str, facts: str) -> datetime | None:
    # Not strptime, which knows the months of the reader's language.
    found = re.search(before + _DATE, facts, re.MULTILINE)
    if found is None or found[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = map(int, found.groups()[1:])
    try:
        month = _MONTHS.index(found[1]) + 1
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
