"""Probes of the folder that runs are to be in, as this host sees it."""

import shutil

from dfhpc.cluster.batch import run_command
from dfhpc.doctor.finding import Outcome, failure, ok, warning
from dfhpc.doctor.places import GIGABYTE, free_space, mount_of, why_private
from dfhpc.doctor.visit import Visit
from dfhpc.errors import BatchError

_LEAST_BYTES = GIGABYTE
_GOOD_BYTES = 20 * GIGABYTE
_GOOD_FILES = 20_000

_ELSEWHERE = "--run-dir DIR on another file system"


def folder(visit: Visit) -> Outcome:
    """Say whether runs may be written there, and a node could see them."""
    place = visit.place
    if visit.workspace is None:
        return failure(
            f"Nothing can be written below {place}.",
            f"chmod u+rwx {place}, or --run-dir DIR elsewhere",
        )
    mount = mount_of(place.resolve())
    private = why_private(place.resolve()) if visit.cluster.is_batch else ""
    if private:
        return warning(
            f"Nodes will not see {place}: {private}.",
            "--run-dir DIR on the shared file system",
        )
    return ok(f"{place} can be written ({mount.kind} at {mount.point}).")


def space(visit: Visit) -> Outcome:
    """Say whether there is room for a store of faces."""
    place = visit.place
    free_bytes, free_files = free_space(place)
    found = f"{free_bytes / GIGABYTE:.1f} GB are free at {place}"
    if free_bytes < _LEAST_BYTES:
        return failure(f"Only {found}.", _ELSEWHERE)
    if over := _over_quota():
        return warning(f"A quota is exceeded: {over}.", _ELSEWHERE)
    if free_files is not None and free_files < _GOOD_FILES:
        return warning(f"Only {free_files} more files fit at {place}.", _ELSEWHERE)
    if free_bytes < _GOOD_BYTES:
        return warning(
            f"Only {found}; 10,000 faces take 2 GB.", f"{_ELSEWHERE}, or fewer videos"
        )
    return ok(f"{found}.")


def _over_quota() -> str:
    """Return what ``quota`` says of quotas that are exceeded, "" where none is."""
    if shutil.which("quota") is None:
        return ""
    try:
        printed = run_command(("quota", "-q"), timeout_s=10)
    except BatchError as error:
        # It tells by its status, and a file server may not answer it at all.
        printed = str(error) if "limit" in str(error) else ""
    return " ".join(printed.split())
