"""The command bsub."""

import getpass
import math
import os
import re
import shlex
import socket
import sys
import time
from pathlib import Path

from tests.cluster.lsf_double.dependencies import Condition, parse_dependency
from tests.cluster.lsf_double.home import Home, Record
from tests.cluster.lsf_double.options import Options, parse_directives, parse_words
from tests.cluster.lsf_double.resources import Resources, parse_resources
from tests.cluster.lsf_double.units import parse_minutes
from tests.cluster.lsf_double.words import RefusedError

QUEUES: dict[str, int | None] = {"normal": None, "short": 2}
"""The longest run in minutes; the first queue is the default."""

DEFAULT_MB = 2000.0
"""For a job that says nothing about memory."""

SLACK_MB = 100.0
"""SLURM counts the runner of a job too, and must not be the first to kill."""

MAIN = Path(__file__).with_name("main.py")


def run(words: list[str], home: Home) -> int:
    """Submit a job."""
    try:
        options, script = _read_request(words)
        job, request = _submit(options, script, home)
    except RefusedError as error:
        print(f"{error}. Job not submitted.", file=sys.stderr)
        return 255
    default = "" if request["queue_named"] else "default "
    print(f"Job <{job}> is submitted to {default}queue <{request['queue']}>.")
    return 0


def _read_request(words: list[str]) -> tuple[Options, str | None]:
    """Return the options and the script, which only comes from standard input."""
    options = parse_words(words)
    if options.command:
        return options, None
    script = sys.stdin.read()
    if not script.strip():
        raise RefusedError("No command is specified")
    return parse_directives(script).under(options), script


def _submit(options: Options, script: str | None, home: Home) -> tuple[str, Record]:
    resources = parse_resources(options, _unit_of_site())
    conditions = _conditions(options, home)
    request = _describe(options, script, resources)
    key = home.save_request(request)
    command = [*_sbatch(request, resources, home), *_dependency(conditions, home)]
    # Python and the double are found by their paths: a job's PATH is its own affair.
    start = [sys.executable, str(MAIN), str(home.folder), "run", key]
    done = home.slurm(*command, f"--wrap=exec {shlex.join(start)}")
    if done.returncode != 0:
        raise RefusedError(_refusal(done.stderr))
    job = done.stdout.strip()
    home.name_request(job, key)
    return job, request


def _unit_of_site() -> str | None:
    """Return LSF_UNIT_FOR_LIMITS of the lsf.conf in LSF_ENVDIR."""
    path = Path(os.environ.get("LSF_ENVDIR", "/etc")) / "lsf.conf"
    text = path.read_text() if path.exists() else ""
    match = re.search(r"^\s*LSF_UNIT_FOR_LIMITS\s*=\s*(\w+)", text, re.MULTILINE)
    return match[1] if match else None


def _conditions(options: Options, home: Home) -> list[Condition]:
    if "-w" not in options.values:
        return []
    return parse_dependency(options.values["-w"], home.find)


def _describe(options: Options, script: str | None, resources: Resources) -> Record:
    values = options.values
    queue = values.get("-q", next(iter(QUEUES)))
    if queue not in QUEUES:
        raise RefusedError(f"{queue}: No such queue")
    text = script if script is not None else _join(options.command)
    output, error = (_file(values, name) for name in ("-o", "-e"))
    return {
        "name": values.get("-J") or _name_of(text),
        "queue": queue,
        "queue_named": "-q" in values,
        "project": values.get("-P", "default"),
        "user": getpass.getuser(),
        "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "home": str(Path.home()),
        "cwd": os.getcwd(),
        "submitted": time.time(),
        "text": text,
        "is_script": script is not None,
        "output": output,
        "error": error,
        "run_limit_min": _run_limit(values, QUEUES[queue]),
        "warning": _warning(values),
        "requeue_codes": _requeue_codes(values.get("-Q", "")),
        "rerunnable": "-r" in options.flags,
        "exclusive": "-x" in options.flags,
        "slots": resources.slots,
        "reserved_mb": resources.reserved_mb,
        "limit_mb": resources.limit_mb or resources.reserved_mb,
    }


def _join(command: list[str]) -> str:
    """Return a command line as LSF keeps it: the first word is left as it is."""
    return " ".join([command[0], *map(shlex.quote, command[1:])])


def _name_of(text: str) -> str:
    """Return the name of a job without -J.

    >>> _name_of("#!/bin/sh\\n#BSUB -q x\\n\\ntrue\\n")
    '#!/bin/sh;#BSUB -q x; true'
    """
    lines = text.strip()
    return re.sub(r"\n+", lambda ends: ";" + " " * (len(ends[0]) - 1), lines)


def _file(values: dict[str, str], name: str) -> tuple[str, str] | None:
    """Return a path and how it is opened: -o appends, -oo begins anew."""
    if f"{name}o" in values:
        return values[f"{name}o"], "w"
    return (values[name], "a") if name in values else None


def _run_limit(values: dict[str, str], longest: int | None) -> int | None:
    limit = parse_minutes(values["-W"], "-W") if "-W" in values else None
    if limit is not None and longest is not None and limit > longest:
        raise RefusedError("RUNLIMIT: Cannot exceed queue's hard limit(s)")
    return limit or longest


def _warning(values: dict[str, str]) -> tuple[str, int] | None:
    """Return the signal and the minutes before the run limit; LSF wants both."""
    if not {"-wa", "-wt"} <= values.keys():
        return None
    signal = values["-wa"].removeprefix("SIG")
    if not re.fullmatch("USR1|USR2|URG|INT|TERM|HUP", signal):
        raise RefusedError("Bad argument for option -wa")
    return signal, parse_minutes(values["-wt"], "-wt")


def _requeue_codes(text: str) -> list[int]:
    if not re.fullmatch(r"(\d+\s*)*", text):
        raise RefusedError("Bad argument for option -Q")
    return [int(code) for code in text.split()]


def _sbatch(request: Record, resources: Resources, home: Home) -> list[str]:
    tasks = ["--nodes=1", "--ntasks=1", f"--cpus-per-task={resources.slots}"]
    if resources.slots > 1 and not resources.one_host:
        count = resources.slots // resources.block
        tasks = [f"--ntasks={count}", f"--cpus-per-task={resources.block}"]
    asked = max(request["reserved_mb"] or 0, request["limit_mb"] or 0) or DEFAULT_MB
    return [
        *("sbatch", "--parsable", "--partition=main", "--output=/dev/null"),
        f"--job-name={request['name'][:60]}",
        f"--chdir={request['cwd']}",
        *tasks,
        f"--mem={math.ceil(asked + SLACK_MB)}M",
        *_time(request["run_limit_min"], home),
        *([f"--exclude={','.join(resources.exclude)}"] if resources.exclude else []),
        *(["--exclusive"] if request["exclusive"] else []),
        *(["--requeue"] if request["rerunnable"] else []),
    ]


def _time(limit_min: int | None, home: Home) -> list[str]:
    """Ask SLURM for more than the run limit, which the runner watches."""
    if limit_min is None:
        return []
    settings = home.settings
    grace = settings.grace_s + 3 * settings.terminate_interval_s
    seconds = limit_min * settings.seconds_per_minute + grace
    return [f"--time={math.ceil(seconds / 60) + 1}"]


def _dependency(conditions: list[Condition], home: Home) -> list[str]:
    """Return sbatch's options; what has ended long ago SLURM no longer knows."""
    waiting = []
    for condition in conditions:
        end = home.end(condition.job)
        if end is None:
            waiting.append(condition.slurm)
        elif not condition.is_met(end["exit_code"]):
            return ["--hold"]
    return [f"--dependency={','.join(waiting)}"] if waiting else []


def _refusal(words: str) -> str:
    if "Unable to contact slurm controller" in words:
        return "Connection refused by server"
    if "emory" in words or "node configuration" in words:
        return (
            "Error in rusage section: The merged job-level and application-level"
            " rusage value is outside the range set by RESRSV_LIMIT defined in"
            " lsb.queues"
        )
    return words.strip()
