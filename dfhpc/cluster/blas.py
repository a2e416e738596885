"""The right matrix kernels: OpenBLAS must be told of AVX-512 on AMD processors.

OpenBLAS takes its Haswell kernels on every AMD processor, half as fast as its
SkylakeX ones on those that have AVX-512 (Zen 4 and later). It reads its choice from
the environment when NumPy is first imported.
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

NEEDED = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}

CORETYPE = "OPENBLAS_CORETYPE"


def blas_environment(cpu_info: str | None = None) -> dict[str, str]:
    r"""Return what to set in the environment of a process that multiplies matrices.

    >>> flags = "avx512f avx512dq avx512bw avx512vl avx512cd"
    >>> blas_environment(f"vendor_id : AuthenticAMD\nflags : {flags}")
    {'OPENBLAS_CORETYPE': 'SkylakeX'}
    >>> blas_environment(f"vendor_id : GenuineIntel\nflags : {flags}")
    {}
    """
    text = _read_cpu_info() if cpu_info is None else cpu_info
    facts: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    is_amd = facts.get("vendor_id") == "AuthenticAMD"
    if is_amd and set(facts.get("flags", "").split()) >= NEEDED:
        return {CORETYPE: "SkylakeX"}
    return {}


def _read_cpu_info() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.exists() else ""


OURS = "DFHPC_CHOSE_CORETYPE"
"""Set beside what we chose, so that no job on another processor takes it over."""


def choose_blas(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set in ``environment`` what the user has not set; before NumPy is imported.

    >>> own = {"OPENBLAS_CORETYPE": "Haswell"}
    >>> choose_blas(own)
    >>> own
    {'OPENBLAS_CORETYPE': 'Haswell'}
    """
    forget_blas(environment)
    for name, value in blas_environment().items():
        if name not in environment:
            environment.update({name: value, OURS: "1"})


def forget_blas(environment: MutableMapping[str, str]) -> None:
    """Take out of ``environment`` what was chosen on a processor like this one.

    >>> inherited = {"OPENBLAS_CORETYPE": "SkylakeX", "DFHPC_CHOSE_CORETYPE": "1"}
    >>> forget_blas(inherited)
    >>> inherited
    {}
    """
    if environment.pop(OURS, None) is not None:
        environment.pop(CORETYPE, None)


CORES = "DFHPC_CORES"
"""Set in a worker's job: what the job was given, of a node that may have more."""


def own_cores(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many cores this process may use.

    >>> own_cores({"DFHPC_CORES": "1"})
    1
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    given = given_cores(environment)
    return min(count, given) if given else count


def given_cores(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many cores the job was given, 0 where nobody says.

    >>> given_cores({"DFHPC_CORES": "4"}), given_cores({})
    (4, 0)
    """
    given = environment.get(CORES, "")
    return int(given) if given.isdecimal() else 0
