"""How good the pictures were that a model learned from, and which are unlike them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEASURES = ("size_px", "blur", "brightness")
"""As ``faces/quality.py`` makes them."""

LOW, HIGH = 0.005, 0.995
"""Quantiles between which nearly all training faces are."""

WHITE = 255.0

Ranges = Mapping[str, Mapping[str, float]]
"""By measure ``low``, ``median`` and ``high``."""

_WORDS = {
    "size_px": ("smaller", "larger", "pixels"),
    "blur": ("more blurred", "sharper or noisier", "of sharpness"),
    "brightness": ("darker", "brighter", "of 255 gray values"),
}


def quality_ranges(values: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, float]]:
    """Return the range of each measure over training faces; a few digits suffice.

    Faces whose quality nobody has measured are left out, as all of a store that was
    not cut from videos.

    >>> quality_ranges({"blur": np.array([np.nan])})
    {}
    >>> quality_ranges({"blur": np.array([10.0, 20.0, 30.0])})["blur"]["median"]
    20.0
    """
    ranges = {}
    for name, found in values.items():
        known = np.asarray(found, np.float64)
        known = known[np.isfinite(known)]
        if not len(known):
            continue
        low, median, high = np.quantile(known, [LOW, 0.5, HIGH]).round(3).tolist()
        ranges[name] = {"low": low, "median": median, "high": high}
    return ranges


def unlike_training(
    quality: Mapping[str, float], ranges: Ranges, tolerance: float
) -> Iterator[tuple[str, str]]:
    """Yield each measure of a face that is well outside, and a sentence on it.

    >>> ranges = {"size_px": {"low": 100.0, "median": 150.0, "high": 200.0}}
    >>> list(unlike_training({"size_px": 60}, ranges, 2.0))
    []
    >>> [name for name, sentence in unlike_training({"size_px": 40}, ranges, 2.0)]
    ['size_px']
    """
    for name in ranges.keys() & quality.keys():
        value, known = quality[name], ranges[name]
        lower, higher, unit = _WORDS[name]
        word = ""
        if value < known["low"] / tolerance:
            word = lower
        elif value > _highest(name, known["high"], tolerance):
            word = higher
        if word:
            yield (
                name,
                f"The face is much {word} than those that the model has learned from: "
                f"{value:.0f} {unit}, and nearly all of those have {known['low']:.0f} "
                f"to {known['high']:.0f}.",
            )


def _highest(name: str, high: float, tolerance: float) -> float:
    if name == "brightness":
        return WHITE - (WHITE - high) / tolerance
    return high * tolerance
