"""From samples to LSF's resource usage summary, a stage at a time."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEGABYTE = 1024**2
"""LSF's MB: 25 GB asked for are 25600 MB in its reports."""

GRID_S = 1.0
"""Memory, processes and threads are summed over processes at steps of a second."""

MEASURES = ("cpu_s", "rss_bytes", "processes", "threads")


def training_cost(model_id: str) -> str:
    """Return the name under which the cost of training a model is sampled.

    >>> training_cost("svm@group")
    'train svm@group'
    """
    return f"train {model_id}"


@dataclass(frozen=True)
class Usage:
    """What a stage used, over all its processes and all its attempts."""

    cpu_s: float
    max_rss_bytes: float
    average_rss_bytes: float
    requested_bytes: float | None
    """None where no limit was asked for."""
    max_processes: int
    max_threads: int
    run_s: float
    turnaround_s: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, and the lines that LSF would print."""
        return asdict(self) | {"lsf": lsf_lines(self)}


@dataclass(frozen=True)
class _Span:
    """One attempt at a stage."""

    stage: str
    start: float
    end: float
    requested_bytes: float | None


@dataclass(frozen=True)
class _Series:
    """The samples of one process: times (n,) and each measure (n,)."""

    times: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]

    def cpu_between(self, start: float, end: float) -> float:
        """Return CPU seconds, interpolated where no sample fell on the edge."""
        at = np.interp([start, end], self.times, self.values["cpu_s"])
        return float(at[1] - at[0])

    def at(self, grid: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Return the last value before each time, 0 outside the process's life."""
        index = np.searchsorted(self.times, grid, side="right") - 1
        alive = (index >= 0) & (grid <= self.times[-1] + GRID_S)
        return np.where(alive, self.values[name][np.maximum(index, 0)], 0.0)


def read_usage(usage_dir: Path) -> dict[str, dict[str, Any]]:
    """Return the usage of each stage that has begun, as JSON values, in order.

    A stage that was killed ends with the last sample of its driver.
    """
    series: list[_Series] = []
    spans: list[_Span] = []
    for path in sorted(usage_dir.glob("*.jsonl")):
        records = list(_records(path))
        samples = [record for record in records if "cpu_s" in record]
        if samples:
            series.append(_series(samples))
        spans += list(_spans(records))
    spans.sort(key=lambda span: span.start)
    stages = list(dict.fromkeys(span.stage for span in spans))
    return {
        stage: _usage(series, [x for x in spans if x.stage == stage]).to_json()
        for stage in stages
    }


def _records(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            # A kill in the middle of a write leaves half a line, once, at the end.
            continue


def _series(samples: list[dict[str, Any]]) -> _Series:
    samples = sorted(samples, key=lambda sample: sample["t"])
    return _Series(
        np.array([sample["t"] for sample in samples], float),
        {
            name: np.array([sample[name] for sample in samples], float)
            for name in MEASURES
        },
    )


def _spans(records: list[dict[str, Any]]) -> Iterable[_Span]:
    """Yield each attempt at a stage that a driver's file tells of."""
    # By stage, as the cost of a model is sampled within that of training.
    begun: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.get("event") == "start":
            begun[record["stage"]] = record
        elif record.get("event") == "end" and record["stage"] in begun:
            yield _span(begun.pop(record["stage"]), record["t"])
    for start in begun.values():
        yield _span(start, max(record["t"] for record in records))


def _span(begun: dict[str, Any], end: float) -> _Span:
    return _Span(begun["stage"], begun["t"], end, begun["requested_bytes"])


def _usage(series: list[_Series], spans: list[_Span]) -> Usage:
    totals = {name: _summed(series, spans, name) for name in MEASURES[1:]}
    memory = totals["rss_bytes"]
    return Usage(
        cpu_s=sum(s.cpu_between(x.start, x.end) for s in series for x in spans),
        max_rss_bytes=float(memory.max()),
        average_rss_bytes=float(memory.mean()),
        requested_bytes=spans[-1].requested_bytes,
        max_processes=int(totals["processes"].max()),
        max_threads=int(totals["threads"].max()),
        run_s=sum(span.end - span.start for span in spans),
        turnaround_s=spans[-1].end - spans[0].start,
    )


def _summed(
    series: list[_Series], spans: list[_Span], name: str
) -> NDArray[np.float64]:
    """Return a measure summed over processes, at each second of the spans."""
    parts = []
    for span in spans:
        grid = np.append(np.arange(span.start, span.end, GRID_S), span.end)
        parts.append(sum((s.at(grid, name) for s in series), np.zeros(len(grid))))
    return np.concatenate(parts)


def lsf_lines(usage: Usage) -> list[str]:
    """Return the ten lines of LSF's "Resource usage summary", in its layout.

    The layout is that of LSF 10 job reports: four blanks, values from column 49.
    """
    memory, requested = usage.max_rss_bytes, usage.requested_bytes
    delta = None if requested is None else requested - memory
    rows = [
        ("CPU time", f"{usage.cpu_s:.2f} sec."),
        ("Max Memory", _megabytes(memory, 0)),
        ("Average Memory", _megabytes(usage.average_rss_bytes, 2)),
        ("Total Requested Memory", _megabytes(requested, 2)),
        ("Delta Memory", _megabytes(delta, 2)),
        ("Max Swap", "-"),
        ("Max Processes", f"{usage.max_processes}"),
        ("Max Threads", f"{usage.max_threads}"),
        ("Run time", f"{usage.run_s:.0f} sec."),
        ("Turnaround time", f"{usage.turnaround_s:.0f} sec."),
    ]
    return [f"    {name + ' :':<45}{value}" for name, value in rows]


def _megabytes(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value / MEGABYTE:.{decimals}f} MB"
