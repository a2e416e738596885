"""Probes of this process and its libraries."""

import importlib.metadata
import os
import platform
import resource
from collections.abc import Iterable
from pathlib import Path

import dfhpc
from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.machine import judge_threads, thread_facts
from dfhpc.doctor.places import why_private
from dfhpc.doctor.trying import judge_detector, run_trial
from dfhpc.doctor.visit import Visit

_OWN_FILES = 256
_FILES_PER_WORKER = 8
"""Connections of a scheduler to a worker and its nanny, and some in the making."""

_SHARED_HOME = "make the environment anew on the shared file system, as in your home"


def python(visit: Visit) -> Outcome:
    """Say whether a job on another host could start this Python."""
    path = Path(visit.python)
    if not path.is_absolute():
        return failure(
            f"Python does not know its own path, only {visit.python!r}.",
            "start dfhpc by its absolute path",
        )
    found = f"Python {platform.python_version()} at {path}, dfhpc {dfhpc.__version__}"
    if visit.cluster.is_batch:
        for what in (path, package_folder()):
            if why := why_private(what):
                return warning(f"{what} is not for other hosts: {why}.", _SHARED_HOME)
    return ok(f"{found}.")


def package_folder() -> Path:
    """Return where dfhpc was imported from."""
    return Path(dfhpc.__file__).parent


def libraries(visit: Visit) -> Outcome:
    """Compare what is installed with what dfhpc was made for."""
    del visit
    try:
        wanted = importlib.metadata.requires("dfhpc") or []
    except importlib.metadata.PackageNotFoundError:
        return skipped("dfhpc is not installed, so nothing says what it wants.")
    wrong = list(_wrong_versions(wanted))
    if wrong:
        quoted = " ".join(f"'{requirement}'" for requirement, _ in wrong)
        found = "; ".join(f"{text}, but {there}" for text, there in wrong)
        return failure(f"dfhpc wants {found}.", f"pip install {quoted}")
    shown = ("dask", "distributed", "dask-jobqueue", "zarr", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in shown)
    return ok(f"All libraries are in range: {versions}.")


def _wrong_versions(wanted: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield each requirement that is not met, and what is there instead."""
    from packaging.requirements import Requirement

    for text in wanted:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield str(requirement), "it is not installed"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield str(requirement), f"{version} is installed"


def tls(visit: Visit) -> Outcome:
    """Make keys as for scheduler and workers."""
    if visit.cluster.tls is False:
        return warning(
            "cluster.tls is false: who reaches the scheduler can run code as you.",
            "cluster.tls = true",
        )
    from distributed import Security

    try:
        Security.temporary()
    except ImportError as error:
        return failure(
            f"No keys for TLS can be made: {error}.", "pip install 'cryptography>=44'"
        )
    return ok("Scheduler and workers will speak TLS.")


def threads(visit: Visit) -> Outcome:
    """Look for variables that spoil the number of threads."""
    del visit
    return judge_threads(thread_facts())


def open_files(visit: Visit) -> Outcome:
    """Say whether a driver may hold a connection to each worker."""
    workers = _num_workers(visit)
    needed = _OWN_FILES + _FILES_PER_WORKER * workers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return ok(f"A process may open {soft} files; {workers} workers take {needed}.")
    most = max(1, (soft - _OWN_FILES) // _FILES_PER_WORKER)
    fewer = f"cluster.workers = {most}"
    may_raise = hard == resource.RLIM_INFINITY or hard >= needed
    return warning(
        f"A process may open {soft} files; {workers} workers take {needed}.",
        f"ulimit -n {needed}, in jobs/env.sh too" if may_raise else fewer,
    )


def _num_workers(visit: Visit) -> int:
    if visit.cluster.is_batch:
        return visit.cluster.num_jobs
    return visit.cluster.workers or os.cpu_count() or 1


def mtcnn(visit: Visit) -> Outcome:
    """Say whether MTCNN finds a known face."""
    return _detector(visit, "mtcnn")


def haar(visit: Visit) -> Outcome:
    """Say whether the Haar cascade finds a known face."""
    return _detector(visit, "haar")


def _detector(visit: Visit, name: str) -> Outcome:
    chosen = visit.settings.extract.detector == name
    return judge_detector(name, run_trial(name), is_chosen=chosen)
