"""Memory, cores in use and processes of a run over time, for a figure."""

from typing import Any

import numpy as np

from dfhpc.usage.samples import Samples, total

MOST_POINTS = 800
"""More than a figure has pixels for."""

LEAST_STEP_S = 1.0


def timeline(samples: Samples) -> dict[str, Any] | None:
    """Return the run at equal steps from its first stage to its last, None before.

    ``t`` (steps + 1,) are the edges of the steps in seconds since 1970; ``rss_bytes``
    and ``processes`` (steps,) the highest in each, ``cores`` those in use on average;
    ``stages`` are name, start and end.
    """
    if not samples.spans:
        return None
    begin = min(span.start for span in samples.spans)
    end = max(span.end for span in samples.spans)
    steps = int(np.clip((end - begin) / LEAST_STEP_S, 1, MOST_POINTS))
    edges = np.linspace(begin, max(end, begin + LEAST_STEP_S), steps + 1)
    summed = total(samples.series)
    cpu = np.sum([s.cpu_until(edges) for s in samples.series], axis=0)

    def highest(name: str) -> list[int]:
        pairs = zip(edges[:-1], edges[1:], strict=True)
        return [int(summed.between(name, *pair).max()) for pair in pairs]

    return {
        "t": edges.tolist(),
        "rss_bytes": highest("rss_bytes"),
        "processes": highest("processes"),
        "cores": (np.diff(cpu) / np.diff(edges)).tolist(),
        "stages": [(span.stage, span.start, span.end) for span in samples.spans],
    }
