"""The samples of a run, read from its files: of each process, and summed over them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
"""Seconds since 1970."""

LEVELS = ("rss_bytes", "processes", "threads")
"""What a process has at a time, which CPU seconds are not: they only grow."""

HOLD_S = 1.0
"""A process counts for so long after its last sample."""

CLOCK_DOUBT_S = 5.0
"""A host's clock is corrected if it is off by more; less may be the network's delay."""


@dataclass(frozen=True)
class Series:
    """The samples of one process: times (n,) in order, and each measure (n,)."""

    role: str
    host: str
    job_id: str | None
    """Of the batch job that the process was part of."""
    times: Times
    cpu_s: NDArray[np.float64]
    """CPU seconds since the process began, never falling."""
    levels: dict[str, NDArray[np.int64]]

    def cpu_until(self, times: Times) -> NDArray[np.float64]:
        """Return CPU seconds, interpolated where no sample fell on a time."""
        return np.interp(times, self.times, self.cpu_s)


@dataclass(frozen=True)
class Span:
    """One attempt at a stage, as its driver tells of it."""

    stage: str
    start: float
    end: float
    requested_bytes: float | None


@dataclass(frozen=True)
class Samples:
    """All samples of a run, and the attempts at its stages in order of their start."""

    series: list[Series]
    spans: list[Span]


@dataclass(frozen=True)
class Total:
    """Memory, processes and threads summed over processes, as steps over time.

    From ``times[i]`` on, each level is ``levels[name][i]``, until the next time.
    """

    times: Times
    levels: dict[str, NDArray[np.int64]]

    def between(self, name: str, start: float, end: float) -> NDArray[np.int64]:
        """Return every value that a level has from ``start`` to ``end``."""
        first, last = np.searchsorted(self.times, [start, end], side="right")
        before = self.levels[name][first - 1] if first else 0
        return np.concatenate(([before], self.levels[name][first:last]))

    def integral(self, name: str, start: float, end: float) -> float:
        """Return the area under a level from ``start`` to ``end``, times seconds."""
        first, last = np.searchsorted(self.times, [start, end], side="right")
        edges = np.concatenate(([start], self.times[first:last], [end]))
        return float(np.dot(np.diff(edges), self.between(name, start, end)))


def read_samples(usage_dir: Path) -> Samples:
    """Return the samples below ``usage_dir``; a killed process's end with its last.

    A stage that was killed ends with the last record of its driver.
    """
    series: list[Series] = []
    spans: list[Span] = []
    for path in sorted(usage_dir.glob("*.jsonl")):
        records = _records(path)
        samples = [record for record in records if "cpu_s" in record]
        if samples:
            series.append(_series(path.name, samples))
        spans += _spans(records)
    # The longer first: what begins with a stage is a part of it.
    spans.sort(key=lambda span: (span.start, -span.end))
    return Samples(series, spans)


def _records(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    try:
        # At once takes half the time, and a night has millions of samples.
        records = json.loads(f"[{','.join(lines)}]")
    except ValueError:
        # A kill in the middle of a write leaves half a line.
        records = list(_whole(lines))
    return [x for x in records if isinstance(x, dict) and "t" in x]


def _whole(lines: list[str]) -> Iterator[Any]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _series(name: str, samples: list[dict[str, Any]]) -> Series:
    """Return the samples of one file; its name says what an older file does not."""
    head = samples[0]
    role, _, rest = name.partition("-")
    offset = float(head.get("clock_offset_s", 0.0))
    samples = sorted(samples, key=lambda sample: sample["t"])
    times = np.array([sample["t"] for sample in samples], float)
    cpu_s = np.array([sample["cpu_s"] for sample in samples], float)
    return Series(
        role=role,
        host=head.get("host") or rest.rsplit("-", 2)[0],
        job_id=head.get("job_id"),
        times=times + offset if abs(offset) > CLOCK_DOUBT_S else times,
        # A child that ends between two looks is missing in one of them.
        cpu_s=np.maximum.accumulate(cpu_s),
        levels={
            name: np.array([sample[name] for sample in samples], np.int64)
            for name in LEVELS
        },
    )


def _spans(records: list[dict[str, Any]]) -> Iterable[Span]:
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


def _span(begun: dict[str, Any], end: float) -> Span:
    return Span(begun["stage"], begun["t"], end, begun["requested_bytes"])


def total(series: list[Series]) -> Total:
    """Return the sum over processes; costs time by samples, not by hosts and hours."""
    if not series:
        return Total(np.empty(0), {name: np.empty(0, np.int64) for name in LEVELS})
    times = np.concatenate([np.append(s.times, s.times[-1] + HOLD_S) for s in series])
    order = np.argsort(times, kind="stable")
    times = times[order]
    # Of changes at one time only the sum of all is what was.
    is_last = np.append(np.diff(times) > 0, True)
    levels = {}
    for name in LEVELS:
        steps = [np.diff(s.levels[name], prepend=0, append=0) for s in series]
        levels[name] = np.cumsum(np.concatenate(steps)[order])[is_last]
    return Total(times[is_last], levels)


def union(spans: list[Span]) -> list[tuple[float, float]]:
    """Return start and end of each stretch of time in which any of ``spans`` was.

    >>> union([Span("a", 0, 4, None), Span("b", 1, 2, None), Span("a", 6, 7, None)])
    [(0, 4), (6, 7)]
    """
    merged: list[tuple[float, float]] = []
    for start, end in sorted((span.start, span.end) for span in spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
