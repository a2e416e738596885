"""Why nothing is said of a person or a video, in sentences that need no expert."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dfhpc.calibration import PLAIN_BAND, PLAIN_THRESHOLD
from dfhpc.probability_maps import ProbabilityMap
from dfhpc.quality_ranges import Ranges, unlike_training
from dfhpc.verdict_config import VerdictConfig


@dataclass(frozen=True)
class Reason:
    """A code that programs count by, and a sentence for people."""

    code: str
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """How the scores of one model are read."""

    map: ProbabilityMap = field(default_factory=lambda: ProbabilityMap("none"))
    threshold: float = PLAIN_THRESHOLD
    band: tuple[float, float] = PLAIN_BAND
    limits: VerdictConfig = field(default_factory=VerdictConfig)
    ranges: Ranges = field(default_factory=dict)
    """Of the quality of the faces that the model has learned from."""

    def value(self, score: float) -> float:
        """Return what threshold and band are about: the probability, or the score."""
        return float(self.map.apply(np.array([score]))[0])

    def digest(self) -> str:
        """Return a hash over all that turns scores to verdicts."""
        known = [self.map.to_json(), self.threshold, self.band, self.ranges]
        text = json.dumps([*known, self.limits.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def values(self, scores: Sequence[float]) -> list[float]:
        """Return the same of several scores."""
        found: list[float] = self.map.apply(np.array(scores, np.float64)).tolist()
        return found


def doubts(
    rule: Rule,
    scores: Sequence[float],
    quality: Mapping[str, float],
    needed: int,
) -> Iterator[Reason]:
    """Yield what keeps a verdict from being given on a person, or on a video.

    ``scores`` are those of the faces, ``quality`` holds medians over them, and
    ``needed`` is how many faces there must be.
    """
    if len(scores) < needed:
        found = f"Too few usable faces: {len(scores)}, and a verdict needs {needed}."
        yield Reason("too_few_faces", found)
    yield from _poor_pictures(rule, quality)
    value = rule.value(sum(scores) / len(scores))
    if len(scores) >= needed:
        yield from _disagreement(rule, scores, value)
    if not rule.map.is_calibrated and rule.limits.without_calibration == "abstain":
        yield Reason("not_calibrated", _not_calibrated(rule))
    elif rule.band[0] <= value <= rule.band[1]:
        yield Reason("undecided_score", _undecided(rule, value))


def _disagreement(
    rule: Rule, scores: Sequence[float], value: float
) -> Iterator[Reason]:
    fakes = sum(each > rule.threshold for each in rule.values(scores))
    reals = len(scores) - fakes
    against = reals if value > rule.threshold else fakes
    if against > rule.limits.max_disagreement * len(scores):
        yield Reason(
            "frames_disagree",
            f"The frames disagree: {fakes} of {len(scores)} look fake, and {reals} "
            "look real.",
        )


def _poor_pictures(rule: Rule, quality: Mapping[str, float]) -> Iterator[Reason]:
    limits, told = rule.limits, set()
    if quality and quality["size_px"] < limits.min_face_px:
        told.add("size_px")
        yield Reason(
            "faces_too_small",
            f"The face is too small: {quality['size_px']:.0f} pixels, and a verdict "
            f"needs {limits.min_face_px}.",
        )
    if quality and quality["blur"] < limits.min_blur:
        told.add("blur")
        yield Reason(
            "faces_too_blurred",
            "The face is too blurred or too dark to show traces: its sharpness is "
            f"{quality['blur']:.0f}, and a verdict needs {limits.min_blur:.0f}.",
        )
    found = unlike_training(quality, rule.ranges, limits.quality_tolerance)
    for name, sentence in sorted(found):
        if name not in told:
            yield Reason("quality_outside_training", sentence)


def _not_calibrated(rule: Rule) -> str:
    why = rule.map.parameters.get("why", "")
    return f"How often this model is wrong is not known. {why}".strip()


def _undecided(rule: Rule, value: float) -> str:
    low, high = rule.band
    if rule.map.is_calibrated:
        return (
            f"The probability of a fake is {value:.2f}; between {low:.2f} and "
            f"{high:.2f} too many videos would be called wrong."
        )
    if (low, high) == (0.0, 1.0):
        return f"{rule.map.parameters['why']}"
    return (
        f"The score is {value:.2f}; the model is not calibrated, so scores between "
        f"{low:.2f} and {high:.2f} decide nothing."
    )
