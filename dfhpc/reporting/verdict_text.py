"""A verdict on a video as plain text."""

from collections.abc import Iterator, Mapping
from typing import Any


def verdict_text(verdict: Mapping[str, Any]) -> str:
    """Return a line on a video, and why where it is no plain verdict.

    Where several people are in it, a line follows on each.
    """
    faces = _score_text(verdict["score"], verdict["frames_scored"])
    # A name may hold line breaks, and this is one line.
    path = verdict["path"].replace("\n", "\\n").replace("\r", "\\r")
    reason = f"  {verdict['reason']}: {verdict['detail']}" if verdict["reason"] else ""
    leaky = "  (LEAKY model)" if verdict["model"]["split"]["leaky"] else ""
    line = f"{verdict['status']:<15}{path}{faces}{reason}{leaky}"
    return "\n".join([line.rstrip().rstrip(":"), *_people_lines(verdict)])


def _score_text(score: float | None, num_faces: int) -> str:
    text = "" if score is None else f"  score {score:.3f}"
    return text + (f"  {num_faces} faces" if num_faces else "")


def _people_lines(verdict: Mapping[str, Any]) -> Iterator[str]:
    people, others = verdict["people"], verdict["people_not_scored"]
    if len(people) > 1:
        for number, person in enumerate(people, start=1):
            name = f"person {number} ({person['place']})"
            faces = _score_text(person["score"], person["frames"])
            reason = f"  {person['reason']}" if person["reason"] else ""
            yield f"  {person['status']:<13}{name}{faces}{reason}"
    if others:
        yield f"  Up to {others} more people were seen and not judged."
