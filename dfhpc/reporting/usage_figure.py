"""The figure of a run's memory, cores in use and processes over time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.errors import RunDirectoryError
from dfhpc.reporting.figures import new_figure, save_figure

LINE_COLOR = "#000000"
STAGE_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Colors that color-blind people tell apart (Okabe & Ito 2008)."""

GIBIBYTE = 1024**3


def save_usage_figure(path: Path, timeline: Mapping[str, Any] | None) -> None:
    """Draw a timeline, its stages shaded, into a PNG file.

    Raises
    ------
    RunDirectoryError
        When nothing has been sampled yet.
    """
    if timeline is None:
        raise RunDirectoryError("There is nothing to draw: no stage has begun yet.")
    times = np.array(timeline["t"])
    begin, unit, word = times[0], *_unit(times[-1] - times[0])
    figure = new_figure(10, 7)
    panels = figure.subplots(3, 1, sharex=True)
    curves = (
        ("memory (GiB)", np.array(timeline["rss_bytes"]) / GIBIBYTE),
        ("cores in use", np.array(timeline["cores"])),
        ("processes", np.array(timeline["processes"])),
    )
    for axes, (label, values) in zip(panels, curves, strict=True):
        _shade(axes, timeline["stages"], begin, unit)
        axes.stairs(values, (times - begin) / unit, baseline=None, color=LINE_COLOR)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    panels[-1].set_xlabel(f"{word} since the first stage began")
    panels[-1].set_xlim(0, (times[-1] - begin) / unit)
    panels[-1].yaxis.get_major_locator().set_params(integer=True)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=6,
        fontsize="small",
    )
    save_figure(path, figure)


def _unit(length_s: float) -> tuple[float, str]:
    """Return seconds in the unit in which a length of time reads well.

    >>> _unit(9000)
    (3600.0, 'hours')
    """
    if length_s > 2 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if length_s > 300 else (1.0, "seconds")


def _shade(axes: Any, stages: list[Any], begin: float, unit: float) -> None:
    """Shade each attempt at a stage; the parts of training lie within it."""
    whole = [stage for stage in stages if not stage[0].startswith("train ")]
    names = list(dict.fromkeys(name for name, _, _ in whole))
    seen = set()
    for name, start, end in whole:
        color = STAGE_COLORS[names.index(name) % len(STAGE_COLORS)]
        axes.axvspan(
            (start - begin) / unit,
            (end - begin) / unit,
            color=color,
            alpha=0.25,
            lw=0,
            label=None if name in seen else name,
        )
        seen.add(name)
