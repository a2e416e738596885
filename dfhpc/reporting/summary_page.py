"""The page on a folder of videos: which to look at first, and why the others not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dfhpc.explanations import ShownFace
from dfhpc.reporting import verdict_words
from dfhpc.reporting.face_pictures import face_uri
from dfhpc.reporting.lettering import printable
from dfhpc.reporting.pages import render
from dfhpc.runs import write_text

STATUSES = ("fake", "inconclusive", "real", "not_applicable", "error")

THUMBNAIL_SIDE = 56

MOST_THUMBNAILS = 1000
"""Of a page, some 2 MB; in a longer list there are none."""


@dataclass(frozen=True)
class SummaryEntry:
    """A video of the folder."""

    verdict: Mapping[str, Any]
    link: str = ""
    """Its page, relative to the summary; empty if it has none."""
    thumbnail: str = ""
    """A face as ``thumbnail`` returns it; empty if it has none."""


def thumbnail(verdict: Mapping[str, Any], shown: Sequence[ShownFace]) -> str:
    """Return a face of who decides a verdict as a data URI, empty where there is none.

    It is short enough to be kept beside a verdict, for a summary that is written later.
    """
    person = next((one for one in verdict["people"] if one["decides"]), None)
    for face in shown:
        is_it = person is None or (
            (face.track, face.frame_index) == (person["track"], person["frame_index"])
        )
        if is_it:
            return face_uri(face.face, THUMBNAIL_SIDE)
    return ""


def summarized(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a verdict without its frames: a page on thousands has no room for them."""
    return {key: value for key, value in verdict.items() if key != "frames"}


def write_summary_page(path: Path, entries: Sequence[SummaryEntry]) -> None:
    """Write the page to ``path``, whole or not at all."""
    write_text(path, summary_page(entries))


def summary_page(entries: Sequence[SummaryEntry]) -> str:
    """Return the page: a section a status, in each the highest values first."""
    counts = Counter(entry.verdict["status"] for entry in entries)
    judged = [one.verdict for one in entries if one.verdict["score"] is not None]
    decisions = [verdict["decision"] for verdict in judged]
    decision = decisions[0] if decisions else None
    return render(
        "summary.html.j2",
        words=verdict_words,
        total=len(entries),
        counts=[(status, counts[status]) for status in STATUSES],
        sections=[
            (status, _lines(entries, status)) for status in STATUSES if counts[status]
        ],
        has_thumbnails=(
            len(entries) <= MOST_THUMBNAILS and any(one.thumbnail for one in entries)
        ),
        leaky=_leaky(entry.verdict for entry in entries),
        model_names=_deciding_names(entries),
        calibrated_on=verdict_words.calibrated_on(decision) if decision else "",
        rates=verdict_words.rates_sentences(decision) if decision else [],
        rare=verdict_words.rare_fakes(decision),
    )


def value_of(verdict: Mapping[str, Any]) -> float | None:
    """Return what a verdict is sorted by: its probability, or else its score."""
    probability = verdict["probability"]
    found: float | None = probability["value"] if probability else verdict["score"]
    return found


def _lines(entries: Iterable[SummaryEntry], status: str) -> list[dict[str, Any]]:
    chosen = [entry for entry in entries if entry.verdict["status"] == status]
    chosen.sort(key=lambda one: (-(value_of(one.verdict) or 0.0), one.verdict["path"]))
    return [
        {
            "verdict": entry.verdict,
            "name": printable(Path(entry.verdict["path"]).name),
            "folder": printable(str(Path(entry.verdict["path"]).parent)),
            "link": quote(entry.link, errors="surrogateescape"),
            "thumbnail": entry.thumbnail,
        }
        for entry in chosen
    ]


def _leaky(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the leaky models that decide."""
    names = {
        model["name"]
        for verdict in verdicts
        for model in verdict["models"]
        if model["decides"] and model["card"]["split"]["leaky"]
    }
    return sorted(names)


def _deciding_names(entries: Iterable[SummaryEntry]) -> list[str]:
    names = {
        f"{model['name']} of {model['card']['run_dir']}"
        for entry in entries
        for model in entry.verdict["models"]
        if model["decides"]
    }
    return sorted(names)
