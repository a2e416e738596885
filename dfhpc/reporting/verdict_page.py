"""The page on one video: one HTML file that says what was found, and what that means.

Made of a verdict as ``dfhpc predict --json`` prints it, the faces that were scored, and
what each model used in them.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dfhpc.explanations import Explanation, ShownFace
from dfhpc.reporting import verdict_charts, verdict_words
from dfhpc.reporting.face_pictures import face_uri, overlay_uri
from dfhpc.reporting.input_facts import input_facts, plain, plain_key
from dfhpc.reporting.lettering import printable
from dfhpc.reporting.pages import render
from dfhpc.runs import write_text

Verdict = Mapping[str, Any]
Explanations = Mapping[str, Sequence[Explanation]]

MOST_FACES = 40
"""Shown in the grid; of more, evenly chosen ones."""

FACE_SIDE, PERSON_SIDE, EXPLAINED_SIDE = 144, 112, 224
"""Pixels of pictures; with these a page of 40 faces and 5 models is half a megabyte."""

_ESCAPES = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}")
"""As ``verdict_document.printable`` writes what is no letter."""

_UNTYPED = "  # the name holds characters that are written here as \\x.. or \\u...."

METHOD_NAMES = {
    "weights": "Weight times pixel: what each place adds to the score",
    "occlusion": "Occlusion: how the score changes when a patch is hidden",
    "grad_cam": "Grad-CAM: where the network's last features speak for its answer",
}


def write_verdict_page(
    path: Path,
    verdict: Verdict,
    shown: Sequence[ShownFace],
    explanations: Explanations | None = None,
) -> None:
    """Write the page to ``path``, whole or not at all.

    ``shown`` are the scored faces; ``explanations`` are by the name of the model.
    """
    write_text(path, verdict_page(verdict, shown, explanations or {}))


def verdict_page(
    verdict: Verdict, shown: Sequence[ShownFace], explanations: Explanations
) -> str:
    """Return the page."""
    decision = verdict["decision"]
    deciding = next((one for one in verdict["models"] if one["decides"]), None)
    person_of = person_numbers(verdict)
    return render(
        "verdict.html.j2",
        words=verdict_words,
        plain=plain,
        self_test=self_test,
        trained_on=trained_on,
        verdict=verdict,
        name=printable(Path(verdict["path"]).name),
        path=printable(verdict["path"]),
        deciding=deciding,
        gauge=verdict_charts.gauge(verdict),
        timeline=verdict_charts.timeline(verdict["frames"], person_of),
        scores_threshold=(
            decision if decision is not None and decision["on"] == "score" else None
        ),
        chart={"top": verdict_charts.TOP, "bottom": verdict_charts.BOTTOM},
        down=verdict_charts.down,
        rates=verdict_words.rates_sentences(decision),
        rare=verdict_words.rare_fakes(decision),
        people=_people(verdict, shown),
        frames=_frame_lines(verdict, person_of),
        faces=_faces(verdict, shown, person_of),
        num_faces=len(shown),
        models=[
            _model(verdict, judged, shown, explanations.get(judged["name"], ()))
            for judged in sorted(verdict["models"], key=lambda one: not one["decides"])
        ],
        input_facts=input_facts(verdict),
        command=repeating(verdict, deciding),
    )


def person_numbers(verdict: Verdict) -> dict[int, int]:
    """Return the number of each track that faces were scored of, in the order told."""
    tracks = [person["track"] for person in verdict["people"]]
    for frame in verdict["frames"]:
        tracks += [face["track"] for face in verdict_charts.scored_faces(frame)]
    return {track: at for at, track in enumerate(dict.fromkeys(tracks))}


def person_name(at: int, verdict: Verdict) -> str:
    """Return how the page calls a person; empty where there is only one."""
    if len(verdict["people"]) < 2:
        return ""
    # Beyond Z, which a video of 27 people needs: A2, B2 ...
    letter = chr(ord("A") + at % 26) + (str(at // 26 + 1) if at >= 26 else "")
    return f"person {letter}"


def repeating(verdict: Verdict, deciding: Mapping[str, Any] | None) -> str:
    """Return the command that gives this verdict again.

    Where the name holds what cannot be shown, a comment says so.
    """
    parts = ["dfhpc", "predict", verdict["path"]]
    if deciding is not None:
        model = deciding["name"] if len(verdict["models"]) == 1 else "all"
        parts += ["--run-dir", deciding["card"]["run_dir"], "--model", model]
    command = " ".join(shlex.quote(printable(part)) for part in parts)
    return command + (_UNTYPED if _ESCAPES.search(verdict["path"]) else "")


def self_test(found: Mapping[str, Any] | None) -> str:
    """Return the sentence on whether a model still scores as it did when trained."""
    if not found:
        return "not run"
    rows = f"{found['rows']} stored faces"
    if found["passed"]:
        return f"passed: {rows} score as they did when the model was trained"
    return (
        f"FAILED: {rows} score differently than when the model was trained (by up to "
        f"{found['largest_difference']:.2g})"
    )


def trained_on(trained: Mapping[str, Any]) -> str:
    """Return what a model was trained on, as far as it is known.

    >>> trained_on({"faces": {"real": 2, "fake": 8}, "data": "ffpp", "groups": None})
    '2 real and 8 fake faces; data: ffpp'
    """
    faces = trained["faces"]
    known = [
        f"{plain_key(key).lower()}: {plain(value)}"
        for key, value in trained.items()
        if key not in ("about", "faces") and value not in (None, "", [])
    ]
    return "; ".join([f"{faces['real']} real and {faces['fake']} fake faces", *known])


def _people(verdict: Verdict, shown: Sequence[ShownFace]) -> list[dict[str, Any]]:
    people = []
    for at, person in enumerate(verdict["people"]):
        own = [one for one in shown if one.track == person["track"]]
        best = [one for one in own if one.frame_index == person["frame_index"]] or own
        people.append(
            {
                "name": person_name(at, verdict) or "the person",
                "number": at,
                "picture": face_uri(best[0].face, PERSON_SIDE) if best else None,
                **person,
            }
        )
    return people


def _frame_lines(verdict: Verdict, person_of: Mapping[int, int]) -> list[Any]:
    """Return the lines of the table of frames: one a scored face, or one a frame."""
    lines = []
    for frame in verdict["frames"]:
        faces = verdict_charts.scored_faces(frame)
        people = [person_name(person_of[face["track"]], verdict) for face in faces]
        told = zip(faces, people, strict=True) if faces else [(None, None)]
        lines += [{"frame": frame, "face": one, "person": who} for one, who in told]
    return lines


def _faces(
    verdict: Verdict, shown: Sequence[ShownFace], person_of: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Return what is shown of the scored faces, in the order of time."""
    records = {
        (frame["frame_index"], face["track"]): face
        for frame in verdict["frames"]
        for face in verdict_charts.scored_faces(frame)
    }
    ordered = sorted(shown, key=lambda one: (one.frame_index, one.track))
    return [
        {
            "picture": face_uri(one.face, FACE_SIDE),
            "time_s": one.time_s,
            "person": person_name(person_of.get(one.track, 0), verdict),
            "score": None,
            "quality": None,
            **records.get((one.frame_index, one.track), {}),
        }
        for one in evenly(ordered, MOST_FACES)
    ]


def evenly(items: Sequence[ShownFace], most: int) -> list[ShownFace]:
    """Return at most so many items, evenly chosen, the first and the last among them.

    >>> evenly([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    if len(items) <= most:
        return list(items)
    return [items[at * (len(items) - 1) // (most - 1)] for at in range(most)]


def _model(
    verdict: Verdict,
    judged: Mapping[str, Any],
    shown: Sequence[ShownFace],
    explanations: Sequence[Explanation],
) -> dict[str, Any]:
    faces = {(one.frame_index, one.track): one for one in shown}
    pictures = []
    for one in explanations:
        source = faces[one.frame_index, one.track]
        pictures.append(
            {
                "explanation": one,
                "method": METHOD_NAMES[one.method],
                "time_s": source.time_s,
                "picture": face_uri(source.face, EXPLAINED_SIDE),
                "overlay": overlay_uri(source.face, one, EXPLAINED_SIDE),
            }
        )
    return {**judged, "pictures": pictures}
