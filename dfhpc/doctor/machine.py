"""Facts of a machine, the same on a login node and on a node, and their judgment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfhpc.cluster.blas import CORETYPE, NEEDED, blas_environment
from dfhpc.doctor.finding import Outcome, failure, ok, warning

COUNTS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)
"""Variables that hold a number of threads."""

_AVX512_CORES = {"skylakex", "cooperlake", "sapphirerapids"}
"""Kernels of OpenBLAS that end a process on a processor without AVX-512."""


def thread_facts(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return what the environment says of threads, and what would be right here."""
    names = (*COUNTS, CORETYPE)
    return {
        "variables": {name: environment[name] for name in names if name in environment},
        "cores": len(os.sched_getaffinity(0)),
        "coretype": blas_environment().get(CORETYPE),
        "has_avx512": set(cpu_flags()) >= NEEDED,
    }


def judge_threads(facts: dict[str, Any]) -> Outcome:
    """Return whether a variable will slow down or break what runs here."""
    variables: dict[str, str] = facts["variables"]
    coretype = variables.get(CORETYPE)
    if coretype and coretype.lower() in _AVX512_CORES and not facts["has_avx512"]:
        return failure(
            f"{CORETYPE}={coretype}, but this processor has no AVX-512: NumPy would "
            "be killed.",
            f'cluster.setup = ["unset {CORETYPE}"], or unset it where it is set',
        )
    odd = [
        f"{name}={variables[name]}"
        for name in COUNTS
        if name in variables and not _is_count(variables[name], facts["cores"])
    ]
    if odd:
        names = " ".join(pair.partition("=")[0] for pair in odd)
        return warning(
            f"{' '.join(odd)} is no number of threads for {facts['cores']} cores.",
            f"unset {names}, in jobs/env.sh or by cluster.setup",
        )
    if coretype and facts["coretype"] and coretype != facts["coretype"]:
        return warning(
            f"{CORETYPE}={coretype}, and {facts['coretype']} is twice as fast here.",
            f"unset {CORETYPE}: dfhpc chooses the right one",
        )
    shown = ", ".join(f"{name}={value}" for name, value in variables.items())
    return ok(f"{shown or 'No variable about threads'} is set.")


def _is_count(text: str, cores: int) -> bool:
    """Whether each of "4" or "4,2" is a number of threads, and not too large.

    >>> _is_count("4,2", 4), _is_count("64", 4), _is_count("auto", 4), _is_count("0", 4)
    (True, False, False, False)
    """
    parts = [part.strip() for part in text.split(",")]
    return all(part.isdecimal() and 0 < int(part) <= cores for part in parts)


def cpu_model(cpu_info: str | None = None) -> str:
    """Return the processor's name."""
    return _cpu_field("model name", cpu_info) or "a processor without a name"


def cpu_flags(cpu_info: str | None = None) -> list[str]:
    """Return what the processor can do, in the kernel's words."""
    return _cpu_field("flags", cpu_info).split()


def _cpu_field(field: str, cpu_info: str | None) -> str:
    path = Path("/proc/cpuinfo")
    text = cpu_info
    if text is None:
        text = path.read_text(errors="replace") if path.exists() else ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""
