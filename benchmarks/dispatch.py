"""What the driver, with Dask's scheduler in it, spends on units that do nothing."""

import functools
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from dfhpc.cluster.local import local_pool
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.cluster_config import ClusterConfig
from dfhpc.usage.plugin import UsagePlugin

SAMPLES = 100
"""So many times, evenly over the units, the memory of the driver is looked at."""


def do_nothing(
    run_dir: Path, index: int, attempt: str, quarantined: tuple[str, ...]
) -> dict[str, Any]:
    """Stand for the extraction of a partition: same arguments, same receipt."""
    del run_dir, index, attempt, quarantined
    return {"videos": {"ok": 16}, "frames": {"ok": 112}}


def _arguments(run_dir: Path, index: int, attempt: str) -> tuple[Any, ...]:
    return run_dir, index, attempt, ()


def dispatch(num_units: int, workers: int) -> dict[str, Any]:
    """Return CPU and wall time a unit, and the driver's memory while they go by.

    To be called in a process of its own: what it returns is of the whole process.
    """
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        units = (
            Unit(
                key=f"extract-{index:06d}",
                function=do_nothing,
                make_args=functools.partial(_arguments, run_dir, index),
                has_result=False,
            )
            for index in range(num_units)
        )
        cluster = ClusterConfig(workers=workers)
        with local_pool(cluster, UsagePlugin(run_dir)) as pool:
            cpu, wall = time.process_time(), time.perf_counter()
            memory = _memory_while(run_units(pool, units), num_units)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "cpu_ms": cpu / num_units * 1000,
        "wall_ms": wall / num_units * 1000,
        "rss_bytes": memory,
    }


def _memory_while(done: Any, num_units: int) -> list[int]:
    """Return the memory of this process, looked at while units end."""
    process, every = psutil.Process(), max(1, num_units // SAMPLES)
    memory = []
    for count, _ in enumerate(done, start=1):
        if count % every == 0:
            memory.append(int(process.memory_info().rss))
    return memory


def growth_bytes(memory: list[int]) -> int:
    """Return by how much memory grew from a tenth of the way to the end.

    >>> growth_bytes([50, 90, 100, 100, 100, 100, 100, 100, 100, 100, 101])
    11
    """
    return memory[-1] - memory[len(memory) // 10]
