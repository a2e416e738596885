"""What dfhpc's own samples say of each batch job."""

from dataclasses import dataclass

import numpy as np

from dfhpc.usage.samples import Samples, Series, total

WINDOW_S = 60.0
"""Cores in use are counted over a minute: shorter bursts need no core of their own."""


@dataclass(frozen=True)
class Sampled:
    """What dfhpc's own samples say of a job; they do not see a worker's nanny."""

    cpu_s: float
    elapsed_s: float
    started_t: float
    busiest_cores: float
    """The most cores in use on average over a minute."""
    max_rss_bytes: float
    """Of all processes of the job together."""
    max_worker_bytes: float | None
    """Of the largest worker with its children; None in a job without workers."""
    node: str


def sampled_jobs(samples: Samples) -> dict[str, Sampled]:
    """Return what the samples say of each batch job."""
    by_job: dict[str, list[Series]] = {}
    for series in samples.series:
        if series.job_id is not None:
            by_job.setdefault(series.job_id, []).append(series)
    return {job_id: _sampled(series) for job_id, series in by_job.items()}


def _sampled(series: list[Series]) -> Sampled:
    start = min(float(s.times[0]) for s in series)
    end = max(float(s.times[-1]) for s in series)
    workers = [s.levels["rss_bytes"].max() for s in series if s.role == "worker"]
    return Sampled(
        cpu_s=sum(float(s.cpu_s[-1]) for s in series),
        elapsed_s=end - start,
        started_t=start,
        busiest_cores=_busiest_cores(series, start, end),
        max_rss_bytes=float(total(series).levels["rss_bytes"].max()),
        max_worker_bytes=float(max(workers)) if workers else None,
        node=",".join(dict.fromkeys(s.host for s in series)),
    )


def _busiest_cores(series: list[Series], start: float, end: float) -> float:
    """Return the most cores in use over one window, or over all if it is short."""
    windows = max(1, int((end - start) / WINDOW_S))
    edges = np.linspace(start, end, windows + 1)
    cpu = np.sum([s.cpu_until(edges) for s in series], axis=0)
    length = (end - start) / windows
    return float(np.diff(cpu).max() / length) if length else 0.0
