"""Which of several models is asked first: the best on the calibration part."""

from collections.abc import Mapping
from typing import Any


def calibration_rank(
    evaluated: Mapping[str, Any], name: str
) -> tuple[float, float, str]:
    """Return what orders models: the greatest is the best.

    First how well it ranks the videos of calibration; a leaky one ranks none. Of
    models that rank equally well, the one whose probabilities are nearer to the truth
    keeps the classes farther apart. Test videos are not looked at: a model chosen by
    them would be chosen too well.
    """
    parts = evaluated["models"].get(name, {})
    area = parts.get("calibration", {}).get("video", {}).get("roc_auc") or 0.0
    quality = evaluated.get("probabilities", {}).get(name, {}).get("calibration")
    return area, -quality["brier"] if quality else -1.0, name
