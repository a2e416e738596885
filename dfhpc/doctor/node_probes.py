"""What a node told, judged: Python, processor, memory, scratch."""

from typing import Any

import dfhpc
from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.here import package_folder
from dfhpc.doctor.machine import judge_threads
from dfhpc.doctor.places import GIGABYTE, MEMORY_KINDS, SHARED_KINDS
from dfhpc.doctor.trying import judge_detector
from dfhpc.doctor.visit import Visit

CLOCK_S = 5.0
"""Further apart, and the times in journals and reports mislead."""

_SCRATCH_BYTES = 10 * GIGABYTE


def python(visit: Visit) -> Outcome:
    """Say whether it is the same dfhpc there."""
    told = visit.report["python"]
    here = {"dfhpc": dfhpc.__version__, "package": str(package_folder())}
    remedy = "cluster.setup must not load another Python, nor change PYTHONPATH"
    if told["dfhpc"] != here["dfhpc"]:
        return failure(
            f"The node runs dfhpc {told['dfhpc']}, this host {here['dfhpc']}.", remedy
        )
    if told["package"] != here["package"]:
        return warning(
            f"The node has dfhpc in {told['package']}, this host in {here['package']}.",
            remedy,
        )
    return ok(f"Python {told['version']} starts there, with dfhpc {told['dfhpc']}.")


def imports(visit: Visit) -> Outcome:
    """Say whether the libraries load there."""
    told = visit.report["imports"]
    if "error" in told:
        printed = told.get("printed") or ["dfhpc"]
        return failure(
            f"{printed[-1]} does not load there: {told['error']}.",
            'cluster.setup = ["module load ..."] for what is missing, or pip install '
            "--force-reinstall it",
        )
    return ok(f"These load there: {', '.join(told['imported'])}.")


def mtcnn(visit: Visit) -> Outcome:
    """Say whether MTCNN finds a known face there."""
    return _detector(visit, "mtcnn")


def haar(visit: Visit) -> Outcome:
    """Say whether the Haar cascade finds a known face there."""
    return _detector(visit, "haar")


def _detector(visit: Visit, name: str) -> Outcome:
    chosen = visit.settings.extract.detector == name
    return judge_detector(name, visit.report[name], is_chosen=chosen)


def interface(visit: Visit) -> Outcome:
    """Say whether the node has the interface of the recipe."""
    name = visit.cluster.interface
    if name is None:
        return skipped("The recipe names no cluster.interface: Dask finds one.")
    told = visit.report["interface"]
    if told["address"] is None:
        names = ", ".join(told["names"])
        return failure(
            f"The node has no interface {name} with an IPv4 address.",
            f"cluster.interface = one of {names}",
        )
    return ok(f"The node has {name}, with the address {told['address']}.")


def scratch(visit: Visit) -> Outcome:
    """Say whether the scratch folder is on the node's own disk."""
    told = visit.report["scratch"]
    path, kind = told["path"], told["kind"]
    other = "cluster.local_directory = a folder on the node's own disk"
    if kind in SHARED_KINDS:
        return warning(
            f"Scratch {path} is on {kind}, which nodes share: workers start slowly.",
            other,
        )
    if kind in MEMORY_KINDS:
        return warning(
            f"Scratch {path} is on {kind}: its files count against the job's memory.",
            other,
        )
    free = told["free_bytes"]
    found = f"Scratch {path} is on {kind} with {free / GIGABYTE:.1f} GB free"
    return ok(f"{found}.") if free > _SCRATCH_BYTES else warning(f"{found}.", other)


def memory(visit: Visit) -> Outcome:
    """Say whether the job has its memory, and is held to it."""
    told: dict[str, Any] = visit.report["memory"]
    asked = visit.cluster.worker_job_bytes
    there = min([told["node_bytes"], *told["limits"].values()])
    if there < visit.cluster.worker_bytes:
        return failure(
            f"A worker needs {_gib(asked)}, and there a job may use {_gib(there)}.",
            "cluster.memory_limit and the site's default must agree; is --mem or -M in "
            "cluster.skip_directives?",
        )
    if not told["limits"]:
        return warning(
            f"Nothing holds a job to the {_gib(asked)} it asks for; another user's job "
            "may take them.",
            'cluster.extra_directives = ["--exclusive"] (LSF: "-x") if workers die',
        )
    shown = ", ".join(f"{_gib(n)} by {name}" for name, n in told["limits"].items())
    return ok(f"{_gib(asked)} are asked for; the job is held to {shown}.")


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def cores(visit: Visit) -> Outcome:
    """Say whether the job has its cores."""
    told = visit.report["processor"]
    asked = visit.cluster.cores
    if told["cores"] < asked:
        return failure(
            f"{asked} cores are asked for, and the job may use {told['cores']}.",
            f"cluster.cores = {told['cores']}, or other extra_directives",
        )
    bound = told["cores"] < told["node_cores"] or told["node_cores"] == asked
    how = "bound to them" if bound else "not bound: dfhpc itself uses no more"
    return ok(f"{asked} of the node's {told['node_cores']} cores are asked for; {how}.")


def processor(visit: Visit) -> Outcome:
    """Say which processor it is, and what it can do."""
    told = visit.report["processor"]
    flags = set(told["flags"])
    known = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
    shown = ", ".join(flag for flag in known if flag in flags) or "no vector extension"
    found = f"{told['model']}: {shown}."
    if flags and "avx2" not in flags:
        return warning(
            found, 'cluster.extra_directives = ["--constraint=..."] for newer nodes'
        )
    return ok(found)


def threads(visit: Visit) -> Outcome:
    """Look in the job for variables that spoil the number of threads."""
    return judge_threads(visit.report["threads"])


def clock(visit: Visit) -> Outcome:
    """Compare the clocks."""
    told = visit.report["connect"]
    if "clock_ahead_s" not in told:
        return skipped("The node did not reach this host to compare clocks.")
    ahead = told["clock_ahead_s"]
    found = (
        f"The node's clock is {abs(ahead):.1f} s {'behind' if ahead < 0 else 'ahead'}"
    )
    if abs(ahead) > CLOCK_S:
        return warning(f"{found}.", "ask the site: chronyc tracking on both hosts")
    return ok(f"{found}.")
