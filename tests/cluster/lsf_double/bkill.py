"""The command bkill."""

import re
import signal
import sys
import time

from tests.cluster.lsf_double.home import Home
from tests.cluster.lsf_double.report import reason_line
from tests.cluster.lsf_double.states import Job, list_jobs
from tests.cluster.lsf_double.watch import TERMINATE
from tests.cluster.lsf_double.words import RefusedError


def run(words: list[str], home: Home) -> int:
    """End jobs, or send them a signal."""
    try:
        ids, name, number = _parse(words)
        jobs = list_jobs(home)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 255
    chosen, missing = _choose(jobs, ids, name)
    for wanted in missing:
        print(f"Job <{wanted}>: No matching job found", file=sys.stderr)
    codes = [_kill(job, number, home) for job in chosen]
    return 255 if missing or any(codes) else 0


def _parse(words: list[str]) -> tuple[list[str], str | None, str | None]:
    ids, name, number = [], None, None
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "-J" and rest:
            name = rest.pop(0)
        elif word == "-s" and rest:
            number = rest.pop(0).removeprefix("SIG").upper()
        elif word.isdecimal():
            ids.append(word)
        elif word.startswith("-"):
            raise RefusedError(f"bkill: Illegal option -- {word.lstrip('-')}")
        else:
            raise RefusedError(f"{word}: Illegal job ID.")
    if number and f"SIG{number}" not in signal.Signals.__members__:
        raise RefusedError(f"{number}: Illegal signal value")
    if not ids and name is None:
        raise RefusedError("Job ID or one of the options -J must be specified")
    return ids, name, number


def _choose(
    jobs: list[Job], ids: list[str], name: str | None
) -> tuple[list[Job], list[str]]:
    """Return the jobs meant, and the ids or names that mean none."""
    if ids and ids != ["0"]:
        known = {job.id: job for job in jobs}
        chosen = [known[wanted] for wanted in ids if wanted in known]
        return chosen, [wanted for wanted in ids if wanted not in known]
    pattern = re.escape(name or "*").replace(r"\*", ".*")
    alive = [job for job in jobs if not job.is_finished]
    chosen = [
        job for job in alive if re.fullmatch(pattern, job.request["name"], re.DOTALL)
    ]
    if not chosen:
        return [], [name or "0"]
    # Without the id 0, a name means the job submitted last.
    return (chosen if ids else chosen[-1:]), []


def _kill(job: Job, number: str | None, home: Home) -> int:
    if job.is_finished:
        print(f"Job <{job.id}>: Job has already finished", file=sys.stderr)
        return 255
    kills = number in (None, "KILL", "TERM", "INT")
    home.order(job.id, TERMINATE if number is None else number)
    if job.stat == "PEND" and kills:
        # Should it begin meanwhile, its runner reads the order.
        home.slurm("scancel", "--state=PENDING", job.id)
        home.note_end(
            job.id,
            {
                "exit_code": 130,
                "exit_reason": reason_line("TERM_OWNER"),
                "ended": time.time(),
            },
        )
    what = "being terminated" if kills else "being signaled"
    print(f"Job <{job.id}> is {what}")
    return 0
