"""A verdict on a video as plain text."""

from collections.abc import Iterator, Mapping
from typing import Any

from dfhpc.escaping import escaped


def verdict_text(verdict: Mapping[str, Any]) -> str:
    """Return a line on a video, and why where it is no plain verdict.

    Where several people are in it, a line follows on each.
    """
    parts = [
        f"{verdict['status']:<15}{verdict['path']}",
        *_value_texts(verdict, verdict["frames_scored"]),
        *(f"{each['code']}: {each['sentence']}" for each in verdict["reasons"]),
    ]
    if any(m["decides"] and m["card"]["split"]["leaky"] for m in verdict["models"]):
        parts.append("(LEAKY model)")
    # A name may hold line breaks, and this is one line.
    first = escaped("  ".join(parts))
    lines = [first, *_people_lines(verdict), *_model_lines(verdict)]
    return "\n".join(lines)


def _value_texts(found: Mapping[str, Any], num_faces: int | None) -> Iterator[str]:
    probability, score = found["probability"], found["score"]
    if probability is not None:
        low, high = probability["interval_95"]
        yield f"probability {probability['value']:.2f} [{low:.2f}, {high:.2f}]"
    elif score is not None:
        yield f"score {score:.3f}"
    if num_faces:
        yield f"{num_faces} face" + ("" if num_faces == 1 else "s")


def _people_lines(verdict: Mapping[str, Any]) -> Iterator[str]:
    people, others = verdict["people"], verdict["people_not_scored"]
    if len(people) > 1:
        for number, person in enumerate(people, start=1):
            name = f"{person['status']:<13}person {number} ({person['place']})"
            codes = " ".join(reason["code"] for reason in person["reasons"])
            values = _value_texts(person, person["frames"])
            yield "  " + "  ".join(filter(None, [name, *values, codes]))
    if others:
        yield f"  Up to {others} more people were seen and not judged."


def _model_lines(verdict: Mapping[str, Any]) -> Iterator[str]:
    """Yield what each of several models says."""
    models = verdict["models"]
    if len(models) < 2 or verdict["score"] is None:
        return
    for model in models:
        name = f"{model['status']:<13}model {model['name']}"
        codes = " ".join(reason["code"] for reason in model["reasons"])
        decides = "(decides)" if model["decides"] else ""
        values = _value_texts(model, None)
        yield "  " + "  ".join(filter(None, [name, *values, decides, codes]))
