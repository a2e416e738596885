"""From the scores of a video's faces to a verdict that may also be: I cannot tell."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dfhpc.extraction.records import VideoRecord
from dfhpc.metrics import THRESHOLD

Status = Literal["fake", "real", "inconclusive", "not_applicable", "error"]

UNDECIDED_BAND = 0.05
"""A score nearer to the threshold than this decides nothing."""

FEWEST_FACES = 3
"""A verdict on a video needs so many faces, or all frames asked for if fewer."""


@dataclass(frozen=True)
class Verdict:
    """What is said of one video; ``score`` is None unless faces were scored."""

    status: Status
    reason: str
    """A code for inconclusive, not_applicable and error; empty otherwise."""
    detail: str
    score: float | None
    frames_scored: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def decide(
    record: VideoRecord, scores: Sequence[float | None], frames_per_video: int
) -> Verdict:
    """Return the verdict on a video from its record and the scores of its frames.

    Its score is the mean of its faces' scores, as in the evaluation.
    """
    known = [score for score in scores if score is not None]
    if record.status == "error":
        return Verdict("error", record.reason, record.detail, None, 0)
    if not known:
        detail = f"No face was found in {len(scores)} frames."
        return Verdict("not_applicable", "no_face", detail, None, 0)
    score = sum(known) / len(known)
    needed = min(FEWEST_FACES, frames_per_video)
    if len(known) < needed:
        detail = f"{len(known)} usable faces; a verdict needs {needed}."
        return Verdict("inconclusive", "too_few_faces", detail, score, len(known))
    if abs(score - THRESHOLD) < UNDECIDED_BAND:
        detail = f"The score is within {UNDECIDED_BAND} of {THRESHOLD}."
        return Verdict("inconclusive", "undecided_score", detail, score, len(known))
    status: Status = "fake" if score > THRESHOLD else "real"
    return Verdict(status, "", "", score, len(known))
