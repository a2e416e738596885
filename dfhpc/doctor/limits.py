"""What is asked for, held against what a batch system allows."""

from collections.abc import Mapping, Sequence

from dfhpc.doctor.finding import Outcome, failure, ok, warning
from dfhpc.doctor.visit import Visit
from dfhpc.durations import format_duration

_KEYS = {"worker": "cluster.worker_walltime", "driver": "cluster.walltime"}


def judge_walltimes(
    asked: Mapping[str, int], limits: Mapping[str, tuple[str, int | None]]
) -> Outcome:
    """Return whether each role's walltime is within the limit of its queue.

    >>> judge_walltimes({"driver": 7200}, {"driver": ("short", 3600)}).found
    "The driver's walltime of 2h is over the 1h of queue short."
    """
    for role, (name, limit) in limits.items():
        if limit is not None and asked[role] > limit:
            most = format_duration(limit)
            return failure(
                f"The {role}'s walltime of {format_duration(asked[role])} is over the "
                f"{most} of queue {name}.",
                f'{_KEYS[role]} = "{most}", or a longer queue; --nights for more time',
            )
    shown = [
        f"{name} allows {'any time' if limit is None else format_duration(limit)}"
        for name, limit in dict.fromkeys(limits.values())
    ]
    asked_for = format_duration(max(asked.values()))
    return ok(f"{asked_for} are asked for; queue {', '.join(shown)}.")


def judge_limit(
    visit: Visit, *, running: Sequence[int], submitted: Sequence[int], source: str
) -> Outcome:
    """Return whether the smallest limits have room for a run's jobs.

    ``running`` are limits of jobs that run, ``submitted`` of those that wait, too:
    of a chain of nights one runs, and all wait.
    """
    config = visit.cluster
    workers = 0 if config.workers_in_job else config.num_jobs
    room = []
    for limits, drivers in ((running, 1), (submitted, visit.nights)):
        if limits:
            room.append((min(limits) - drivers, min(limits), workers + drivers))
    if not room:
        return ok(f"No limit on your jobs is known; the run has {workers} workers.")
    left, most, needed = min(room)
    found = f"You may have {most} jobs at a time, and the run needs {needed}"
    if left >= workers:
        return ok(f"{found}.")
    if left < 1:
        return failure(
            f"{found}: no worker would be left beside the drivers ({source}).",
            f"--nights {max(1, most - 1)}, or --workers-in-job",
        )
    return warning(
        f"{found}: fewer workers will be there ({source}).", f"cluster.workers = {left}"
    )
