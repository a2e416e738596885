"""The reliability plot: what was said, against what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfhpc.reporting.figures import FAKE_COLOR, REAL_COLOR, new_figure, save_figure

_PARTS = (
    ("calibration", REAL_COLOR, "o", "calibration part"),
    ("test", FAKE_COLOR, "s", "test part"),
)


def save_reliability_figure(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Draw the share of fakes over the probability, and how many videos there are.

    ``entry`` is that of the model in ``evaluation.json``.
    """
    kind = entry["map"]["kind"]
    figure = new_figure(6, 7.5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="as it should be")
    width = 0.04
    for offset, (part, color, marker, words) in zip((-1, 1), _PARTS, strict=True):
        quality = entry[part]
        if quality is None:
            continue
        bins = quality["bins"]
        error = f"ECE {quality['ece']:.3f}, Brier {quality['brier']:.3f}"
        above.plot(
            [each["mean_probability"] for each in bins],
            [each["share_fake"] for each in bins],
            marker=marker,
            color=color,
            label=f"{words} ({quality['videos']} videos)\n{error}",
        )
        middles = [(each["low"] + each["high"]) / 2 for each in bins]
        below.bar(
            [middle + offset * width / 2 for middle in middles],
            [each["videos"] for each in bins],
            width=width,
            color=color,
        )
    low, high = entry["threshold"]["band"]
    for axes in (above, below):
        axes.axvspan(low, high, color="0.9", lw=0, zorder=0)
        axes.grid(alpha=0.3)
    above.axvspan(0, 0, color="0.9", label="undecided")
    above.set_ylabel("share of fake videos")
    above.set_ylim(-0.03, 1.03)
    figure.legend(fontsize="small", loc="outside lower center", ncols=2)
    below.set_ylabel("videos")
    below.set_xlim(-0.03, 1.03)
    said = f"probability that a video is fake ({kind}, fitted on the calibration part)"
    below.set_xlabel(
        "score (not calibrated: no probability)" if kind == "none" else said
    )
    figure.suptitle(f"Reliability of {name}")
    save_figure(path, figure)
