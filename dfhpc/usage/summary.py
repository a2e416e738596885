"""From samples to LSF's resource usage summary, a stage at a time and for a run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.usage.samples import Samples, Series, Total, read_samples, total, union

MEGABYTE = 1024**2
"""LSF's MB: 25 GB asked for are 25600 MB in its reports."""

Stretch = tuple[float, float]
"""Start and end in seconds since 1970."""


def training_cost(model_id: str) -> str:
    """Return the name under which the cost of training a model is sampled.

    >>> training_cost("svm@group")
    'train svm@group'
    """
    return f"train {model_id}"


@dataclass(frozen=True)
class Usage:
    """What a stage, a run or a job used, over all its processes and attempts.

    None is what nobody measured, or where no limit was asked for.
    """

    cpu_s: float | None
    max_rss_bytes: float | None
    average_rss_bytes: float | None
    requested_bytes: float | None
    max_processes: int | None
    max_threads: int | None
    run_s: float | None
    turnaround_s: float | None
    max_swap_bytes: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, and the lines that LSF would print."""
        return asdict(self) | {"lsf": lsf_lines(self)}


def read_usage(usage_dir: Path) -> dict[str, dict[str, Any]]:
    """Return the usage of each stage that has begun, as JSON values, in order."""
    samples = read_samples(usage_dir)
    return {
        stage: used.to_json()
        for stage, used in usage_of_stages(samples, total(samples.series)).items()
    }


def usage_of_stages(samples: Samples, summed: Total) -> dict[str, Usage]:
    """Return the usage of each stage that has begun, in order."""
    found = {}
    for stage in dict.fromkeys(span.stage for span in samples.spans):
        spans = [span for span in samples.spans if span.stage == stage]
        stretches = [(span.start, span.end) for span in spans]
        requested = spans[-1].requested_bytes
        found[stage] = _usage(samples.series, summed, stretches, requested)
    return found


def usage_of_run(samples: Samples, summed: Total) -> Usage | None:
    """Return the usage of all stages together, None before the first.

    CPU is that of the time in stages, as is the run time; the turnaround is from the
    first start to the last end, nights between included.
    """
    if not samples.spans:
        return None
    requested = [
        span.requested_bytes
        for span in samples.spans
        if span.requested_bytes is not None
    ]
    stretches = union(samples.spans)
    return _usage(samples.series, summed, stretches, max(requested, default=None))


def _usage(
    series: Sequence[Series],
    summed: Total,
    stretches: list[Stretch],
    requested_bytes: float | None,
) -> Usage:
    def highest(name: str) -> int:
        return max(int(summed.between(name, *each).max()) for each in stretches)

    edges = np.array(stretches).ravel()
    run_s = sum(end - start for start, end in stretches)
    area = sum(summed.integral("rss_bytes", *each) for each in stretches)
    return Usage(
        cpu_s=sum(float(np.diff(s.cpu_until(edges))[::2].sum()) for s in series),
        max_rss_bytes=highest("rss_bytes"),
        average_rss_bytes=area / run_s if run_s else highest("rss_bytes"),
        requested_bytes=requested_bytes,
        max_processes=highest("processes"),
        max_threads=highest("threads"),
        run_s=run_s,
        turnaround_s=max(end for _, end in stretches) - stretches[0][0],
    )


def lsf_lines(usage: Usage) -> list[str]:
    """Return the ten lines of LSF's "Resource usage summary", in its layout.

    The layout is that of LSF 10 job reports: four blanks, values from column 49.
    """
    memory, requested = usage.max_rss_bytes, usage.requested_bytes
    delta = None if requested is None or memory is None else requested - memory
    rows = [
        ("CPU time", _seconds(usage.cpu_s, 2)),
        ("Max Memory", _megabytes(memory, 0)),
        ("Average Memory", _megabytes(usage.average_rss_bytes, 2)),
        ("Total Requested Memory", _megabytes(requested, 2)),
        ("Delta Memory", _megabytes(delta, 2)),
        ("Max Swap", _megabytes(usage.max_swap_bytes, 0)),
        ("Max Processes", _count(usage.max_processes)),
        ("Max Threads", _count(usage.max_threads)),
        ("Run time", _seconds(usage.run_s, 0)),
        ("Turnaround time", _seconds(usage.turnaround_s, 0)),
    ]
    return [f"    {name + ' :':<45}{value}" for name, value in rows]


def _seconds(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f} sec."


def _megabytes(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value / MEGABYTE:.{decimals}f} MB"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value}"
