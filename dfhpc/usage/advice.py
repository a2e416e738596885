"""What to ask for next time, in the recipe's own keys."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dfhpc.cluster_config import JOB_OVERHEAD
from dfhpc.durations import format_duration
from dfhpc.usage.efficiency import JobUsage

LEAST_ENDED_S = 60.0
LEAST_RUNNING_S = 600.0
"""A job says something after a minute if it has ended, after ten if it goes on."""

MEMORY_MARGIN = 1.25
"""Dask pauses a worker at 80 % of its limit."""

MEMORY_STEP = 256 * 1024**2
LEAST_MEMORY = 1024**3
"""A process with TensorFlow and scikit-learn, and some rows, on another data set."""

AFTER_KILL = 1.5
"""Nobody knows how much more a job wanted that was killed for its memory."""

IDLE_CORE = 0.2
"""So little of a core in use, in the busiest minute, is worth no core."""

WALLTIME_MARGIN = 1.5
WALLTIME_STEP_S = 1800
WALLTIME_REACHED = 0.85
"""A worker ends by itself at 90 % of its walltime, and may do so somewhat earlier."""

MUCH_LESS = 0.75
"""Shorter jobs start sooner, but a change of less than this is not worth it."""

OUT_OF_MEMORY = ("OUT_OF_MEMORY", "TERM_MEMLIMIT")
OUT_OF_TIME = ("TIMEOUT", "TERM_RUNLIMIT")


@dataclass(frozen=True)
class Advice:
    """One key of a recipe: what was asked, what was seen, and what would do."""

    role: str
    key: str
    asked: float | None
    """Bytes, cores or seconds, as ``seen`` and ``suggested``."""
    seen: float
    suggested: float
    value: str
    """What is suggested, as a recipe has it."""
    asked_value: str | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def advise(jobs: Sequence[JobUsage]) -> list[Advice]:
    """Return advice on drivers and on workers, where there is evidence for it."""
    found: list[Advice | None] = []
    for role in ("driver", "worker"):
        of_role = [job for job in jobs if job.role == role]
        telling = [job for job in of_role if _says_something(job)]
        if not telling:
            continue
        # Of a driver that shares its job with workers, figures are those of all.
        if role == "worker" or not any(map(_has_workers, telling)):
            found += [_memory(role, telling), _cores(role, telling)]
        found.append(_walltime(role, telling))
    return [advice for advice in found if advice is not None]


def _says_something(job: JobUsage) -> bool:
    least = LEAST_ENDED_S if job.is_ended else LEAST_RUNNING_S
    return (job.elapsed_s or 0.0) >= least or _ran_out_of_memory(job)


def _has_workers(job: JobUsage) -> bool:
    return job.sampled is not None and job.sampled.max_worker_bytes is not None


def _ran_out_of_memory(job: JobUsage) -> bool:
    """Whether a job was killed for its memory; some SLURMs only say FAILED."""
    over = job.state == "FAILED" and (job.memory_share or 0.0) > 1
    return job.state in OUT_OF_MEMORY or over


def _memory(role: str, jobs: Sequence[JobUsage]) -> Advice | None:
    overhead = JOB_OVERHEAD if role == "worker" else 0
    seen, how = _most_memory(role, jobs)
    if seen is None:
        return None
    asked = _highest(jobs, lambda job: job.requested_bytes)
    limit = None if asked is None else max(0.0, asked - overhead)
    suggested = max(LEAST_MEMORY, _round_up(MEMORY_MARGIN * seen, MEMORY_STEP))
    killed = sum(map(_ran_out_of_memory, jobs))
    if killed and limit is not None:
        suggested = max(suggested, _round_up(AFTER_KILL * limit, MEMORY_STEP))
        how += f"; {_count(killed, 'job')} killed for memory"
    elif limit is not None and abs(suggested - limit) <= max(MEMORY_STEP, limit / 10):
        suggested = limit
    why = f"at most {seen / 1024**3:.2f} GiB {how}, in {_count(len(jobs), 'job')}"
    key = "cluster.memory_limit" if role == "worker" else "cluster.driver_memory"
    return _advice(role, key, limit, seen, suggested, _mebibytes, why)


def _most_memory(role: str, jobs: Sequence[JobUsage]) -> tuple[float | None, str]:
    """Return the most memory that a job's own work took, and how that is known."""
    if all(job.sampled is not None for job in jobs):
        # Accounting may count files in the page cache, and counts the nanny.
        most = _highest(jobs, _sampled_worker if role == "worker" else _sampled_all)
        return most, "in dfhpc's samples, which may have missed a peak"
    seen = _highest(jobs, lambda job: job.max_rss_bytes)
    return seen, "as the batch system sampled it, which may have missed a peak"


def _sampled_worker(job: JobUsage) -> float | None:
    return job.sampled.max_worker_bytes if job.sampled else None


def _sampled_all(job: JobUsage) -> float | None:
    return job.sampled.max_rss_bytes if job.sampled else None


def _cores(role: str, jobs: Sequence[JobUsage]) -> Advice | None:
    asked = _highest(jobs, lambda job: job.cores)
    seen = _highest(jobs, _cores_in_use)
    if seen is None or asked is None:
        return None
    sampled = all(job.sampled is not None for job in jobs)
    when = "in the busiest minute" if sampled else "on average, in the busiest job"
    suggested = min(asked, max(1, math.ceil(seen - IDLE_CORE)))
    key = "cluster.cores" if role == "worker" else "cluster.driver_cores"
    why = f"{seen:.1f} of {asked:.0f} in use {when}"
    return _advice(role, key, asked, seen, suggested, "{:.0f}".format, why)


def _cores_in_use(job: JobUsage) -> float | None:
    if job.sampled is not None:
        return job.sampled.busiest_cores
    if job.cpu_s is None or not job.elapsed_s:
        return None
    return job.cpu_s / job.elapsed_s


def _walltime(role: str, jobs: Sequence[JobUsage]) -> Advice | None:
    # A job that goes on does not say how long it will be.
    ended = [job for job in jobs if job.is_ended]
    asked = _highest(ended, lambda job: job.walltime_s)
    seen = _highest(ended, lambda job: job.elapsed_s)
    if seen is None or asked is None:
        return None
    suggested = _round_up(WALLTIME_MARGIN * seen, WALLTIME_STEP_S)
    reached = sum(map(_reached_walltime, ended))
    why = f"the longest of {_count(len(ended), 'job')} took {_duration(seen)}"
    if reached:
        why = f"{_count(reached, 'job')} ended at it, and the run goes on in the next"
    if reached or suggested > MUCH_LESS * asked:
        suggested = asked
    key = "cluster.worker_walltime" if role == "worker" else "cluster.walltime"
    return _advice(role, key, asked, seen, suggested, _duration, why)


def _advice(
    role: str,
    key: str,
    asked: float | None,
    seen: float,
    suggested: float,
    write: Callable[[float], str],
    why: str,
) -> Advice:
    asked_value = None if asked is None else write(asked)
    return Advice(role, key, asked, seen, suggested, write(suggested), asked_value, why)


def _mebibytes(size: float) -> str:
    return f"{math.ceil(size / 1024**2)}MiB"


def _duration(seconds: float) -> str:
    return format_duration(round(seconds))


def _reached_walltime(job: JobUsage) -> bool:
    share = (job.elapsed_s or 0.0) / job.walltime_s if job.walltime_s else 0.0
    return job.state in OUT_OF_TIME or share >= WALLTIME_REACHED


def _highest(
    jobs: Sequence[JobUsage], value: Callable[[JobUsage], float | None]
) -> float | None:
    found = (value(job) for job in jobs)
    return max((each for each in found if each is not None), default=None)


def _round_up(value: float, step: int) -> float:
    return float(math.ceil(value / step) * step)


def _count(number: int, word: str) -> str:
    """Return a number of things.

    >>> _count(1, "job"), _count(2, "job")
    ('1 job', '2 jobs')
    """
    return f"{number} {word}" + ("" if number == 1 else "s")
