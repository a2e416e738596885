"""How much sooner two workers have extracted the faces of real clips than one."""

import itertools
import json
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import measure
from dfhpc.runs import RunDirectory


@dataclass(frozen=True)
class Extraction:
    """What one extraction took while every worker was at work."""

    seconds_each: float
    """Between one partition's end and the next, on average."""
    cpu_s_each: float
    """CPU seconds of the workers for each."""
    cores_each: float
    """Cores that a worker had: more than 1 shows threads, less that it waited."""
    command_s: float
    """The whole command, workers' start and imports included."""


def extract_clips(data: Path, run_dir: Path, workers: int, detector: str) -> Extraction:
    """Extract the clips below ``data`` in a new run directory; one clip a partition."""
    shutil.rmtree(run_dir, ignore_errors=True)
    dfhpc = [sys.executable, "-m", "dfhpc"]
    options = ["--detector", detector, "--set", "extract.videos_per_partition=1"]
    measure([*dfhpc, "scan", str(data), "--run-dir", str(run_dir), *options])
    command = [*dfhpc, "extract", str(run_dir), "--workers", str(workers)]
    measured = measure(command)
    run = RunDirectory(run_dir.absolute())
    return _look(run, workers, measured.seconds)


def _look(run: RunDirectory, workers: int, command_s: float) -> Extraction:
    marks = run.partitions_dir.glob("[0-9]*.json")
    ends = [path.stat().st_mtime for path in marks]
    start, stop, count = busy_span(ends, workers)
    cpu_s = sum(_cpu_between(path, start, stop) for path in run.usage_dir.iterdir())
    return Extraction(
        (stop - start) / count,
        cpu_s / count,
        cpu_s / (stop - start) / workers,
        command_s,
    )


def busy_span(ends: list[float], workers: int) -> tuple[float, float, int]:
    """Return when all workers were at work, and the partitions that ended in it.

    From the end of each worker's first partition, before which it imports its
    libraries, to when the first has nothing left to do.

    >>> busy_span([2.0, 1.0, 3.0, 4.0, 5.0, 6.0], 2)
    (2.0, 5.0, 3)
    """
    ends = sorted(ends)
    first, last = workers - 1, len(ends) - workers
    if last <= first:
        raise ValueError(f"{len(ends)} clips are too few for {workers} workers.")
    return ends[first], ends[last], last - first


def _cpu_between(path: Path, start: float, stop: float) -> float:
    """Return the CPU seconds of a worker, from its samples; 0 for the driver."""
    if not path.name.startswith("worker-"):
        return 0.0
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    times = [record["t"] for record in records]
    seconds = [record["cpu_s"] for record in records]
    before, after = np.interp([start, stop], times, seconds)
    return float(after - before)


def alternate_workers(
    data: Path, folder: Path, repeats: int, detector: str
) -> dict[int, list[Extraction]]:
    """Extract with one worker and with two, in turns."""
    found: dict[int, list[Extraction]] = {1: [], 2: []}
    for _, workers in itertools.product(range(repeats), found):
        done = extract_clips(data, folder / f"workers-{workers}", workers, detector)
        found[workers].append(done)
    return found


def middle(extractions: list[Extraction], name: str) -> float:
    """Return the median of a figure."""
    return float(statistics.median(getattr(each, name) for each in extractions))
