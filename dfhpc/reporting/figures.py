"""Figures: what people would rather see than read."""

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.runs import atomic_path

REAL_COLOR, FAKE_COLOR = "#0072b2", "#d55e00"
"""Two colors that color-blind people tell apart (Okabe & Ito 2008)."""

MOST_LINES = 12
"""More lines than this in one figure cannot be told apart."""


def save_figure(path: Path, figure: Any) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as tmp:
        # No date, so that the same results give the same bytes.
        figure.savefig(tmp, format="png", dpi=120, metadata={"Software": None})


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of so many inches."""
    # Figure, not pyplot: no display, and nothing that outlives the call.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_search_figure(path: Path, name: str, found: Mapping[str, Any]) -> None:
    """Draw the measure over the setting with most values, a line for the others."""
    keys, candidates = found["keys"], found["candidates"]
    values = {key: _distinct(candidates, key) for key in keys}
    along = max(keys, key=lambda key: len(values[key]))
    lines: dict[str, list[dict[str, Any]]] = {}
    for candidate in candidates:
        others = {k: v for k, v in candidate["settings"].items() if k != along}
        label = ", ".join(f"{key} {value}" for key, value in others.items())
        lines.setdefault(label, []).append(candidate)
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    for label, line in list(lines.items())[:MOST_LINES]:
        places = [values[along].index(c["settings"][along]) for c in line]
        means = [statistics.mean(c[found["measure"]]) for c in line]
        spreads = [statistics.pstdev(c[found["measure"]]) for c in line]
        axes.errorbar(
            places, means, spreads, marker="o", capsize=3, label=label or None
        )
    axes.set_xticks(range(len(values[along])), [str(value) for value in values[along]])
    axes.set_xlabel(along)
    axes.set_ylabel(f"{found['measure']} of frames, {found['folds']} folds by group")
    axes.set_title(f"Search {name}")
    axes.grid(alpha=0.3)
    if len(keys) > 1:
        axes.legend(fontsize="small")
    save_figure(path, figure)


def _distinct(candidates: list[dict[str, Any]], key: str) -> list[Any]:
    return list(dict.fromkeys(c["settings"][key] for c in candidates))


def save_rows_figure(
    path: Path,
    coordinates: NDArray[np.float64],
    shares: NDArray[np.float64],
    labels: NDArray[np.int8],
    is_training: NDArray[np.bool_],
) -> None:
    """Draw rows by their first two principal components, colored by class.

    ``coordinates`` (rows, 2 or more), ``shares`` of the variance that each explains.
    """
    figure = new_figure(11, 5.5)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, chosen, title in (
        (panels[0], is_training, "Training rows"),
        (panels[1], ~is_training, "Held-out rows"),
    ):
        for label, color, word in ((0, REAL_COLOR, "real"), (1, FAKE_COLOR, "fake")):
            rows = coordinates[chosen & (labels == label)]
            size = max(5.0, min(20.0, 20_000 / max(1, len(labels))))
            axes.scatter(
                rows[:, 0],
                rows[:, 1],
                s=size,
                c=color,
                alpha=0.6,
                lw=0,
                label=f"{word} ({len(rows)})",
            )
        axes.set_title(title)
        axes.set_xlabel(f"component 1 ({100 * shares[0]:.1f} % of the variance)")
        axes.legend(markerscale=2)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"component 2 ({100 * shares[1]:.1f} %)")
    figure.suptitle("Faces by their principal components")
    save_figure(path, figure)
