"""What login side and node found together: the shared folder, the way back, jobs."""

from typing import Any

from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.places import MEMORY_KINDS
from dfhpc.doctor.visit import Visit

_LONG_S = 5.0
_ELSEWHERE = "--run-dir DIR on a file system made for clusters (NFS, Lustre, GPFS)"


def shared(visit: Visit) -> Outcome:
    """Say whether it is the same folder there, and keeps what is written."""
    told, here = visit.report["shared"], visit.report["login"]
    if told["inode"] != here["inode"]:
        return warning(
            f"{visit.place} has other inode numbers on the node ({told['kind']}), by "
            "which dfhpc tells a copy of a run directory.",
            _ELSEWHERE,
        )
    if told["kind"] in MEMORY_KINDS:
        return warning(
            f"{visit.place} is on {told['kind']} there: it is gone with the node.",
            _ELSEWHERE,
        )
    return ok(
        f"The node sees {visit.place} ({told['kind']}); 1 MiB is flushed in "
        f"{told['fsync_s']:.2f} s."
    )


def visible(visit: Visit) -> Outcome:
    """Say how soon a file of the node is seen here."""
    here = visit.report["login"]
    if here["visitor"] is None:
        return skipped("The node did not reach this host to say when it wrote.")
    delay = here["delay_s"]
    if delay is None:
        return failure(
            "A file that the node wrote was not seen here in the time of the visit.",
            f"mount it with a short acdirmax, or {_ELSEWHERE}",
        )
    found = f"A file that the node wrote was seen here after {delay:.1f} s"
    if delay > _LONG_S:
        return warning(
            f"{found}: dfhpc status lags so much.", "mount it with a short acdirmax"
        )
    return ok(f"{found}.")


def rename(visit: Visit) -> Outcome:
    """Say whether a file that is replaced is always there, and always whole."""
    seen: dict[str, int] = visit.report["login"]["sightings"]
    times = visit.report["rename"]["times"]
    found = f"{times} times replaced by the node, {seen['reads']} times read here"
    if seen["absent"] or seen["partial"]:
        return failure(
            f"{found}: absent {seen['absent']} times, torn {seen['partial']} times.",
            _ELSEWHERE,
        )
    if seen["stale"]:
        return warning(
            f"{found}: {seen['stale']} times stale (ESTALE).",
            "give a command again that fails with a stale file handle",
        )
    if not seen["newest"]:
        return warning(
            f"{found}: never a new version.", "mount it with a short acregmax"
        )
    return ok(f"{found}: always whole.")


def exclusive(visit: Visit) -> Outcome:
    """Say whether of two hosts only one can take a name."""
    there = visit.report["exclusive"]["took_what_was_taken"]
    here = visit.report["login"]["took_what_was_taken"]
    if there or here:
        return failure(
            "Both hosts could take the same name (O_EXCL), so that two drivers could "
            "work on one run.",
            _ELSEWHERE,
        )
    return ok("A name that one host took the other could not take.")


def connect(visit: Visit) -> Outcome:
    """Say whether the node can connect to this host, as a worker must."""
    told: dict[str, Any] = visit.report["connect"]
    here = visit.report["login"]
    how = "TCP" if visit.cluster.tls is False else "TLS"
    if here["visitor"] is not None and "error" not in told:
        return ok(f"The node reaches this host by {how}; from {here['visitor']}.")
    why = told.get("error") or here["fault"]
    if here["fault"] and "TimeoutError" not in here["fault"]:
        return failure(
            f"The node reaches this host, but they do not agree: {why}.",
            "cluster.scheduler_port = one that no proxy listens at",
        )
    return warning(
        f"The node does not reach this host: {why}. A driver here gets no workers.",
        "dfhpc submit, whose driver is on a node; or cluster.interface and "
        "cluster.scheduler_port that nodes may reach",
    )


def submit(visit: Visit) -> Outcome:
    """Say whether a driver on a node would get its workers' jobs."""
    if visit.cluster.workers_in_job:
        return skipped("Workers start inside the driver's job (--workers-in-job).")
    told = visit.report["submit"]
    remedy = "--workers-in-job, or cluster.workers_in_job = true"
    if missing := told.get("missing"):
        return failure(f"The node has no {', '.join(missing)}.", remedy)
    if told["status"] != 0:
        return failure(f"The node may not submit: {told['words']}.", remedy)
    return ok("The node may submit jobs, so a driver may be one.")


def stdin(visit: Visit) -> Outcome:
    """Say whether bsub reads #BSUB lines from standard input."""
    named = visit.report.get("named")
    if not visit.cluster.use_stdin:
        return skipped("cluster.use_stdin is false: options stand on the command line.")
    if named is None:
        return skipped("No job was taken to see it by.")
    if not named:
        return failure(
            "bsub did not read the #BSUB lines of a script on standard input.",
            "cluster.use_stdin = false",
        )
    return ok("bsub reads #BSUB lines from standard input.")
