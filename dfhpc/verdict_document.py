"""The verdict as one JSON object: all that a reader needs to judge the judgement.

``verdict.schema.json`` beside this file says what is in it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfhpc.escaping import escaped
from dfhpc.person_scores import faces_needed
from dfhpc.verdict import Verdict
from dfhpc.verdict_reasons import Reason, Rule

SCHEMA_VERSION = 1

SCHEMA_PATH = Path(__file__).with_name("verdict.schema.json")

_RECORDED = (
    *("codec", "width", "height", "num_frames"),
    *("num_damaged_packets", "num_corrupt_frames", "is_cut"),
)

_OF_FILE = (
    *("container", "fps", "duration_s", "rotation", "is_truncated", "pixel_format"),
    *("bit_depth", "has_alpha", "sample_aspect_ratio", "is_interlaced"),
)


@dataclass(frozen=True)
class Opinion:
    """What one model says of a video."""

    name: str
    decides: bool
    rule: Rule
    calibrated: Mapping[str, Any] | None
    """Its entry in ``evaluation.json``; None where it has none."""
    card: Mapping[str, Any]
    self_test: Mapping[str, Any] | None
    frame_scores: Sequence[float]
    """Of each scored face, slot group by slot group and slot by slot."""
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        said = self.verdict.to_json()
        return {
            "name": self.name,
            "kind": self.card["settings"]["kind"],
            **{key: said[key] for key in ("status", "reasons", "score", "probability")},
            "decides": self.decides,
            "self_test": self.self_test,
            "frame_scores": list(self.frame_scores),
            "explanations": [],
            "card": self.card,
        }


def printable(path: Path) -> str:
    r"""Return a path as text that any file may hold, and that shows all it holds.

    >>> print(printable(Path("a\udcffb.mp4")), printable(Path("a\u202eb.mp4")))
    a\xffb.mp4 a\u202eb.mp4
    """
    return escaped(os.fsencode(path).decode("utf-8", "backslashreplace"))


def document(
    path: str,
    record: Mapping[str, Any],
    file_facts: Mapping[str, Any],
    opinions: Sequence[Opinion],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Return the verdict on the video at ``path``.

    ``record`` is a VideoRecord as JSON, with scores noted in its frames.
    """
    [decides] = [opinion for opinion in opinions if opinion.decides]
    said = decides.verdict.to_json()
    said["reasons"] = [*said["reasons"], *_disagreement(decides, opinions)]
    frames = record["frames"]
    return {
        "schema_version": SCHEMA_VERSION,
        "path": path,
        **{key: said[key] for key in ("status", "reasons", "score", "probability")},
        "decision": _decision(decides),
        **{key: said[key] for key in ("frames_scored", "people_not_scored", "people")},
        "frames": frames,
        "models": [opinion.to_json() for opinion in opinions],
        "input": {**file_facts, **_input_facts(record)},
        "versions": dict(versions),
    }


def _decision(opinion: Opinion) -> dict[str, Any]:
    rule, entry, card = opinion.rule, opinion.calibrated, opinion.card
    rates = None
    if entry is not None:
        rates = {part: entry["threshold"][part] for part in ("calibration", "test")}
    is_calibrated = rule.map.is_calibrated
    return {
        "threshold": rule.threshold,
        "band": list(rule.band),
        "on": "probability" if is_calibrated else "score",
        "rule": _rule_sentence(rule, card["extract"]),
        "false_positive_rate_asked": rule.limits.false_positive_rate,
        "rates": rates,
        "calibrated_on": _calibrated_on(entry, card) if is_calibrated else None,
        "why_not_calibrated": rule.map.parameters.get("why"),
    }


def _calibrated_on(
    entry: Mapping[str, Any] | None, card: Mapping[str, Any]
) -> dict[str, Any] | None:
    if entry is None:
        return None
    trained = card["trained"]
    made = [trained["compression"], ", ".join(trained["methods"])]
    details = "; ".join(filter(None, made))
    return {
        "kind": entry["map"]["kind"],
        "data": trained["data"] + (f" ({details})" if details else ""),
        **entry["fitted_on"],
        "split": card["split"]["kind"],
    }


def _rule_sentence(rule: Rule, extract: Mapping[str, Any]) -> str:
    needed = faces_needed(extract["frames_per_video"])
    what = "probability" if rule.map.is_calibrated else "score"
    if extract["faces"] == "all":
        who = (
            "A person's score is the mean over that person's faces, and the video's is "
            f"the highest of any person with at least {needed} of them."
        )
    else:
        who = (
            "In each frame one face is looked at, and the video's score is the mean "
            f"over these, at least {needed}."
        )
    low, high = rule.band
    return (
        f"{who} The video is called fake where its {what} is above {high:.2f}, and "
        f"real where it is below {low:.2f}."
    )


def _disagreement(own: Opinion, opinions: Sequence[Opinion]) -> list[dict[str, str]]:
    """Return a note where another model says the opposite of the one that decides."""
    opposite = {"fake": "real", "real": "fake"}.get(own.verdict.status)
    against = [each.name for each in opinions if each.verdict.status == opposite]
    if not against:
        return []
    says = "says" if len(against) == 1 else "say"
    sentence = f"The models disagree: {', '.join(against)} {says} {opposite}."
    return [Reason("models_disagree", sentence).to_json()]


def _input_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    frames, file = record["frames"], record["file"]
    scored = [
        frame
        for frame in frames
        if any(face["score"] is not None for face in (frame, *frame.get("others", [])))
    ]
    return {
        **{name: record[name] for name in _RECORDED},
        **{name: file.get(name) for name in _OF_FILE},
        "frames_asked": len(frames),
        "frames_used": len(scored),
        "outcome": record["status"],
        "outcome_reason": record["reason"],
    }


def schema() -> dict[str, Any]:
    """Return the JSON Schema of verdicts."""
    found: dict[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return found
