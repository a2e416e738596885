"""How the training of a network went, as JSON and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfhpc.reporting.figures import FAKE_COLOR, REAL_COLOR, new_figure, save_figure
from dfhpc.runs import write_json

HISTORY_NAME = "history.json"
FIGURE_NAME = "history.png"

_TRAIN_STYLE = {"color": REAL_COLOR, "marker": "o", "label": "training"}
_CALIBRATION_STYLE = {
    "color": FAKE_COLOR,
    "marker": "s",
    "linestyle": "--",
    "label": "calibration",
}


def save_history(folder: Path, name: str, facts: dict[str, Any]) -> None:
    """Write ``history.json`` and ``history.png`` of a finished training."""
    _draw(folder / FIGURE_NAME, name, facts)
    write_json(folder / HISTORY_NAME, facts)


def _draw(path: Path, name: str, facts: dict[str, Any]) -> None:
    figure = new_figure(10, 4)
    panels = figure.subplots(1, 2)
    entries = facts["by_epoch"]
    for axes, measure in zip(panels, ("loss", "accuracy"), strict=True):
        _draw_line(axes, entries, "train", measure, _TRAIN_STYLE)
        _draw_line(axes, entries, "calibration", measure, _CALIBRATION_STYLE)
        axes.axvline(
            facts["epoch_kept"], color="0.6", lw=1, label="weights that were kept"
        )
        axes.set_xlabel("epoch")
        axes.set_ylabel(measure)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    panels[0].set_ylim(0, 1.05 * largest_loss(entries))
    panels[1].set_ylim(0, 1.02)
    panels[0].legend(fontsize="small")
    figure.suptitle(f"Training of {name}")
    save_figure(path, figure)


def largest_loss(entries: Sequence[dict[str, Any]]) -> float:
    """Return the largest loss of any epoch, of either part; 1 where all are 0."""
    parts = [e[part] for e in entries for part in ("train", "calibration")]
    return max([part["loss"] for part in parts if part is not None]) or 1.0


def _draw_line(
    axes: Any,
    entries: Sequence[dict[str, Any]],
    part: str,
    measure: str,
    style: dict[str, str],
) -> None:
    points = [(e["epoch"], e[part][measure]) for e in entries if e[part] is not None]
    if points:
        axes.plot(*zip(*points, strict=True), clip_on=False, **style)
