"""Figures of cross-evaluation: heat maps of runs on runs, curves of robustness."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dfhpc.reporting.cross_text import matrix_cells, robustness_panels
from dfhpc.reporting.figures import FAKE_COLOR, REAL_COLOR, new_figure, save_figure

COLOR_MAP = "cividis"
"""Even in lightness, and the same to people with any color vision (Nunez 2018)."""

DARK = 0.55
"""Below this AUC a cell is dark, and what is written in it white."""

LABEL_LENGTH = 22

MODEL_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
MODEL_MARKS = "os^Dvp"
STYLES = ("-", "--", "-.", ":")
"""Lines that lie on each other show both."""


def save_matrix_figure(path: Path, matrix: Mapping[str, Any], model: str) -> None:
    """Draw the ROC AUC of a model by run that trained it and run that tests it."""
    import numpy as np

    labels = [_short(run["label"]) for run in matrix["runs"]]
    cells = matrix_cells(matrix, model)
    values = np.array(
        [[np.nan if c["value"] is None else c["value"] for c in row] for row in cells]
    )
    side = 1.55 * len(labels)
    figure = new_figure(side + 3.2, side + 2.0)
    axes = figure.subplots()
    image = axes.imshow(values, cmap=COLOR_MAP, vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("ROC AUC of videos (0.5 is chance)")
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            _draw_cell(axes, (i, j), cell)
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=25, ha="right")
    axes.set_yticks(ticks, labels)
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.set_title(f"{model}: trained on one, tested on another")
    figure.supxlabel(_legend(matrix, cells), fontsize="small", x=0.02, ha="left")
    save_figure(path, figure)


def _legend(
    matrix: Mapping[str, Any], cells: Sequence[Sequence[Mapping[str, Any]]]
) -> str:
    every = [cell for row in cells for cell in row]
    parts = ["Framed: the run's own test part."]
    if any(cell["few"] for cell in every):
        fewest = matrix["fewest_groups"]
        parts.append(
            f"Hatched: fewer than {fewest} groups of people, so no interval is given."
        )
    if any(cell["leaky"] for cell in every):
        parts.append("LEAKY: the same videos train and test.")
    return "\n".join(parts)


def _draw_cell(axes: Any, place: tuple[int, int], cell: Mapping[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    i, j = place
    corner = (j - 0.5, i - 0.5)
    value = cell["value"]
    is_dark = value is not None and value < DARK
    ink = "white" if is_dark else "black"
    if cell["few"] or value is None:
        hatched = Rectangle(
            corner, 1, 1, fill=False, hatch="//", edgecolor=ink, lw=0, alpha=0.25
        )
        axes.add_patch(hatched)
    if cell["own"]:
        inset = (corner[0] + 0.02, corner[1] + 0.02)
        axes.add_patch(Rectangle(inset, 0.96, 0.96, fill=False, edgecolor=ink, lw=2))
    axes.text(j, i - 0.14, cell["text"], ha="center", color=ink, fontsize=15)
    small = "\n".join(part for part in (cell["interval"], cell["counts"]) if part)
    axes.text(j, i + 0.04, small, ha="center", va="top", color=ink, fontsize=8)


def _short(label: str) -> str:
    return label if len(label) <= LABEL_LENGTH else f"…{label[1 - LABEL_LENGTH :]}"


def save_robustness_figure(path: Path, found: Mapping[str, Any]) -> None:
    """Draw AUC, mean scores and capture rate over the levels of each change."""
    panels = robustness_panels(found)
    models = list(found["baseline"]["models"])
    num_rows = 2 + len(models)
    figure = new_figure(3.3 * len(panels) + 0.6, 2.1 * num_rows + 0.8)
    grid = figure.subplots(num_rows, len(panels), sharey="row", squeeze=False)
    for column, panel in enumerate(panels):
        _draw_lines(grid[0][column], panel, panel["auc"], chance=0.5)
        for row, model in enumerate(models, start=1):
            _draw_lines(grid[row][column], panel, panel["means"][model])
        _draw_lines(grid[-1][column], panel, panel["capture"])
        grid[0][column].set_title(panel["title"], fontsize="medium")
        grid[-1][column].set_xlabel(panel["axis"])
    names = ["ROC AUC of videos", *(f"mean score\n{m}" for m in models), "faces found"]
    for row, name in enumerate(names):
        grid[row][0].set_ylabel(name)
        grid[row][0].set_ylim(-0.03, 1.03)
        grid[row][0].legend(fontsize="x-small", loc="best")
    counts = found["videos"]
    figure.suptitle(
        f"{counts['measured']} test videos ({counts['real']} real, {counts['fake']} "
        f"fake), groups of people: {counts['groups']}. Dotted: as they are. "
        "Bands: 95 %, by group, where there are enough groups.",
        fontsize="medium",
    )
    save_figure(path, figure)


def _draw_lines(
    axes: Any,
    panel: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    chance: float | None = None,
) -> None:
    places = list(range(len(panel["labels"])))
    for number, line in enumerate(lines):
        color = _color(line["name"], number)
        mark = MODEL_MARKS[number % len(MODEL_MARKS)]
        values = [float("nan") if v is None else v for v in line["values"]]
        style = STYLES[number % len(STYLES)]
        look = {"color": color, "marker": mark, "ms": 4, "ls": style}
        axes.plot(places, values, **look, label=line["name"])
        axes.axhline(values[0], color=color, lw=0.8, ls=":")
        known = [(x, *i) for x, i in zip(places, line["intervals"], strict=True) if i]
        if known:
            xs, lows, highs = zip(*known, strict=True)
            axes.fill_between(xs, lows, highs, color=color, alpha=0.15, lw=0)
    if chance is not None:
        axes.axhline(chance, color="gray", lw=0.8)
    axes.set_xticks(places, panel["labels"], fontsize="small")
    axes.grid(alpha=0.3)


def _color(name: str, number: int) -> str:
    classes = {"real": REAL_COLOR, "fake": FAKE_COLOR}
    return classes.get(name, MODEL_COLORS[number % len(MODEL_COLORS)])
