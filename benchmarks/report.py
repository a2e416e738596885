"""What every benchmark prints: tables, the machine, and one JSON line at the end."""

import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import psutil
from tabulate import tabulate

_LIBRARIES = ("dfhpc", "numpy", "scipy", "scikit-learn", "zarr", "dask")


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, others' load, libraries."""
    import numpy as np
    import scipy.linalg  # loads scipy's own BLAS, which scikit-learn uses
    import threadpoolctl

    del np, scipy
    blas = {
        (pool["internal_api"], pool.get("architecture"), pool["num_threads"])
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }
    return {
        "cpu": _cpu_model(),
        "cores": len(psutil.Process().cpu_affinity() or []),
        "memory_bytes": psutil.virtual_memory().total,
        "load": round(os.getloadavg()[1], 2),
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "blas": [
            {"name": name, "kernel": kernel, "threads": threads}
            for name, kernel, threads in sorted(blas, key=str)
        ],
    }


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine_text(facts: dict[str, Any]) -> str:
    """Return the facts of ``machine`` in two lines."""
    libraries = ", ".join(f"{name} {v}" for name, v in facts["libraries"].items())
    kernels = sorted({f"{b['name']} {b['kernel']}" for b in facts["blas"]})
    return (
        f"{facts['cores']} cores of {facts['cpu']}, "
        f"{facts['memory_bytes'] / 1e9:.0f} GB, {', '.join(kernels)}; "
        f"load of the last five minutes {facts['load']}\n"
        f"Python {facts['python']}, {libraries}"
    )


def table_text(rows: Sequence[Sequence[Any]], headers: Sequence[str]) -> str:
    """Return a plain table; None is a dash."""
    text = tabulate(rows, headers, missingval="-", disable_numparse=True)
    return str(text)


def rounded(value: float | None, digits: int, unit: float = 1) -> str | None:
    """Return a figure in ``unit`` for a table.

    >>> rounded(2_345_000_000, 2, 1e9)
    '2.35'
    """
    return None if value is None else f"{value / unit:.{digits}f}"


def finish(results: dict[str, Any], *, as_json: bool) -> None:
    """Print the machine and, if asked, ``results`` as the last line, in JSON."""
    facts = machine()
    click.echo(f"\n{machine_text(facts)}")
    if as_json:
        click.echo(json.dumps({**results, "machine": facts}, allow_nan=False))


def growth(sizes: Sequence[int], figures: Sequence[float | None]) -> float | None:
    """Return the power of the size that a figure grows with, None if unknown.

    >>> growth([500, 1000, 2000], [1.0, 4.0, 16.0])
    2.0
    >>> growth([500, 1000], [1.0, None]) is None
    True
    """
    known = [(s, f) for s, f in zip(sizes, figures, strict=True) if f]
    if len(known) < 2:
        return None
    (first, low), (last, high) = min(known), max(known)
    return math.log(high / low) / math.log(last / first)
