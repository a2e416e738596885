"""The queues of SLURM, and what they allow."""

from dataclasses import dataclass

from dfhpc.cluster.batch import run_command


@dataclass(frozen=True)
class Queue:
    """A queue as ``sinfo`` has it."""

    name: str
    is_up: bool
    is_default: bool
    walltime_s: int | None
    """None where it has no limit."""


def parse_queues(printed: str) -> dict[str, Queue]:
    """Return queues by name from ``sinfo --format=%R|%a|%l|%P``.

    >>> parse_queues("short|up|30:00|short*")["short"].walltime_s
    1800
    """
    queues = {}
    for line in printed.splitlines():
        name, is_up, limit, starred = line.strip().rsplit("|", 3)
        queues[name] = Queue(
            name, is_up == "up", starred.endswith("*"), limit_seconds(limit)
        )
    return queues


def limit_seconds(text: str) -> int | None:
    """Return a limit of SLURM's in seconds; None stands for no limit.

    >>> limit_seconds("2-00:00:00"), limit_seconds("30:00"), limit_seconds("infinite")
    (172800, 1800, None)
    """
    days, dash, clock = text.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdecimal() for part in parts):
        return None
    # Behind days the first number is of hours; else the last one is of seconds.
    units = (3600, 60, 1) if dash else (3600, 60, 1)[-len(parts) :]
    clock_s = sum(int(part) * unit for part, unit in zip(parts, units, strict=False))
    return int(days or 0) * 86400 + clock_s


def read_queues() -> dict[str, Queue]:
    """Return the queues of this cluster.

    Raises
    ------
    BatchError
        When ``sinfo`` does not answer.
    """
    return parse_queues(run_command(("sinfo", "--noheader", "--format=%R|%a|%l|%P")))


def resolve(name: str | None, queues: dict[str, Queue]) -> list[Queue]:
    """Return the queues that a name stands for: SLURM takes several with commas."""
    if name is None:
        return [queue for queue in queues.values() if queue.is_default]
    return [queues[part] for part in name.split(",") if part in queues]


def longest(name: str | None, queues: dict[str, Queue]) -> Queue | None:
    """Return the one that allows most time of those up that a name stands for."""
    found = [one for one in resolve(name, queues) if one.is_up]
    return max(found, key=lambda one: one.walltime_s or float("inf"), default=None)
