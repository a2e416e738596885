"""Probes of LSF: its units, its queues, its limits."""

import getpass
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from dfhpc.cluster.batch import run_command
from dfhpc.cluster_config import ClusterConfig
from dfhpc.doctor.batch_probes import version_line
from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.limits import judge_walltimes
from dfhpc.doctor.visit import Visit
from dfhpc.errors import BatchError

UNITS_SINCE = 10
"""The version since which a number of memory may bear its unit."""


def major_version(printed: str) -> int | None:
    """Return LSF's version from what ``bsub -V`` or ``lsid`` prints.

    >>> major_version("IBM Spectrum LSF Standard 10.1.0.9, Oct 16 2019")
    10
    >>> major_version("Platform LSF 9.1.3.0, Jul 04 2014")
    9
    """
    match = re.search(r"\bLSF\b\D*(\d+)\.\d+", printed)
    return int(match.group(1)) if match else None


def conf_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where LSF's configuration lies."""
    return Path(environment.get("LSF_ENVDIR", "/etc")) / "lsf.conf"


def conf_unit(text: str) -> str:
    r"""Return LSF_UNIT_FOR_LIMITS; where it is not set LSF takes kilobytes.

    >>> conf_unit("LSF_LIM_PORT=7869\nLSF_UNIT_FOR_LIMITS=MB  # since 2019")
    'MB'
    """
    found = re.findall(r"^\s*LSF_UNIT_FOR_LIMITS\s*=\s*[\"']?(\w+)", text, re.M)
    return found[-1].upper() if found else "KB"


def units(visit: Visit) -> Outcome:
    """Say whether LSF takes the units of memory as they are meant."""
    version = major_version(version_line("lsf"))
    path = conf_path()
    try:
        site = conf_unit(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        site = None
    return judge_units(visit.cluster.memory_unit, version, site, path)


def judge_units(
    chosen: str | None, version: int | None, site: str | None, path: Path
) -> Outcome:
    """Return whether ``chosen``, None for numbers with their unit, is right."""
    if chosen is None:
        if version is None:
            return warning(
                "LSF does not tell its version; before 10 it takes no 4608MB.",
                f'cluster.memory_unit = "{site or "KB"}" if bsub refuses -M',
            )
        if version < UNITS_SINCE:
            return failure(
                f"LSF {version} takes no numbers with their unit, as 4608MB.",
                f'cluster.memory_unit = "{site or "KB"}", the unit of {path}',
            )
        return ok(f"LSF {version} takes memory with its unit, whatever the site's.")
    if site is None:
        return warning(
            f"cluster.memory_unit is {chosen}, and {path} is not there to confirm it.",
            "ask for LSF_UNIT_FOR_LIMITS of the site",
        )
    if site != chosen:
        return failure(
            f"cluster.memory_unit is {chosen}, but {path} says {site}.",
            f'cluster.memory_unit = "{site}"',
        )
    return ok(f"Memory is asked for in {chosen}, as {path} says.")


def _wanted(visit: Visit) -> dict[str, str]:
    """Return by role the queue that the recipe names, if it names one."""
    config = visit.cluster
    names = {"driver": config.driver_queue or config.queue, "worker": config.queue}
    return {role: name for role, name in names.items() if name}


def queue(visit: Visit) -> Outcome:
    """Say whether the queues of the recipe exist, and take jobs."""
    # LSF takes several names for one, and chooses.
    names = list(dict.fromkeys(" ".join(_wanted(visit).values()).split()))
    if not names:
        return skipped("The recipe names no cluster.queue: the site's default.")
    if shutil.which("bqueues") is None:
        return skipped("There is no bqueues here.")
    for name in names:
        try:
            printed = run_command(("bqueues", "-w", name))
        except BatchError as error:
            return failure(str(error), "cluster.queue = one that bqueues shows")
        status = table_value(printed, "STATUS", name)
        if status and not status.startswith("Open"):
            return failure(f"Queue {name} is {status}.", "cluster.queue = another")
    return ok(f"Jobs will wait in {', '.join(names)}, which takes jobs.")


def walltime(visit: Visit) -> Outcome:
    """Hold the walltimes against the queues' run limits."""
    config = visit.cluster
    asked = {"worker": config.worker_walltime_s, "driver": config.walltime}
    wanted = _wanted(visit)
    if not wanted or shutil.which("bqueues") is None:
        return skipped("No queue is named, or there is no bqueues to ask.")
    limits = {
        role: (names, _longest_limit(names.split())) for role, names in wanted.items()
    }
    return judge_walltimes(asked, limits)


def _longest_limit(names: Sequence[str]) -> int | None:
    """Return the run limit of the queue that allows most, None where one has none."""
    limits = [run_limit(run_command(("bqueues", "-l", name))) for name in names]
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None


def run_limit(printed: str) -> int | None:
    r"""Return seconds of RUNLIMIT from ``bqueues -l``, None for no limit.

    >>> run_limit("MAXIMUM LIMITS:\n RUNLIMIT\n 1440.0 min of host1\n")
    86400
    """
    # DEFAULT LIMITS come first, and bind nobody who asks for a walltime.
    own = printed.rpartition("MAXIMUM LIMITS")[2]
    match = re.search(r"RUNLIMIT[^\n]*\n\s*([\d.]+) min", own)
    return round(float(match.group(1)) * 60) if match else None


def slot_limit(visit: Visit) -> Outcome:
    """Say whether this user may have so many slots at a time."""
    if shutil.which("busers") is None:
        return skipped("There is no busers here to tell your limit.")
    user = getpass.getuser()
    most = table_value(run_command(("busers", user)), "MAX", user)
    config = visit.cluster
    needed = config.num_jobs * config.cores + config.driver_cores
    if config.workers_in_job:
        needed = (config.num_jobs + 1) * config.part_cores
    if most is None or not most.isdecimal():
        return ok(f"No limit on your slots is known; the run needs {needed} at a time.")
    found = f"You may have {most} slots at a time, and the run needs {needed}"
    if needed <= int(most):
        return ok(f"{found}.")
    room = _room(config, int(most))
    if room < 1:
        return failure(f"{found}.", "fewer cluster.cores and cluster.driver_cores")
    remedy = f"cluster.workers = {room}"
    if config.workers_in_job:
        return failure(f"{found}: its one job would never start.", remedy)
    return warning(f"{found}: fewer workers will be there.", remedy)


def _room(config: ClusterConfig, slots: int) -> int:
    """Return for how many workers there is room beside the driver."""
    if config.workers_in_job:
        return slots // config.part_cores - 1
    return (slots - config.driver_cores) // config.cores


def table_value(printed: str, column: str, row: str) -> str | None:
    r"""Return a field of a table as LSF prints them, None where it is not there.

    >>> table_value("USER/GROUP JL/P MAX NJOBS\nada - 40 3", "MAX", "ada")
    '40'
    """
    lines = [line.split() for line in printed.splitlines() if line.strip()]
    if not lines or column not in lines[0]:
        return None
    index = lines[0].index(column)
    found = [line for line in lines[1:] if line[0] == row and len(line) > index]
    return found[0][index] if found else None
