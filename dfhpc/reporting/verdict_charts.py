"""Charts of a verdict as numbers that a template draws: places in percent and pixels.

Across, places are percents of the chart's width, so that it fits a phone and a sheet of
paper alike with letters that stay readable; down, they are pixels.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEFT, RIGHT = 7.0, 98.0
"""Percents across, between which values lie."""

TOP, BOTTOM = 12, 192
"""Pixels down, of scores 1 and 0."""

TICKS_WANTED = 6

Face = Mapping[str, Any]


def across(share: float) -> float:
    """Return where 0 to 1 is, in percent.

    >>> across(0.0), across(1.0)
    (7.0, 98.0)
    """
    return round(LEFT + (RIGHT - LEFT) * share, 2)


def down(score: float) -> float:
    """Return where a score is, in pixels from the top."""
    return round(BOTTOM - (BOTTOM - TOP) * score, 1)


@dataclass(frozen=True)
class Mark:
    """A scored face."""

    x: float
    y: float
    person: int
    tells: str


@dataclass(frozen=True)
class Line:
    """Between two faces of a person in frames that follow on each other."""

    x1: float
    y1: float
    x2: float
    y2: float
    person: int


@dataclass(frozen=True)
class Gap:
    """A sampled frame in which nothing was scored."""

    x: float
    tells: str


@dataclass(frozen=True)
class Timeline:
    """Scores over time."""

    marks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    ticks: tuple[tuple[float, str], ...]
    tells: str


def scored_faces(frame: Mapping[str, Any]) -> list[Face]:
    """Return the faces of a frame that have a score."""
    seen = [frame, *frame.get("others", ())] if "box" in frame else []
    return [face for face in seen if face.get("score") is not None]


def timeline(
    frames: Sequence[Mapping[str, Any]], person_of: Mapping[int, int]
) -> Timeline:
    """Return the chart of the frames; ``person_of`` numbers the tracks."""
    end = max((frame["time_s"] for frame in frames), default=0.0) or 1.0
    marks: list[Mark] = []
    lines: list[Line] = []
    gaps: list[Gap] = []
    before: dict[int, Mark] = {}
    for frame in frames:
        x = across(frame["time_s"] / end)
        here = {}
        for face in scored_faces(frame):
            person = person_of[face["track"]]
            tells = f"{frame['time_s']:.2f} s: score {face['score']:.2f}"
            here[person] = Mark(x, down(face["score"]), person, tells)
        for person in here.keys() & before.keys():
            one, other = before[person], here[person]
            lines.append(Line(one.x, one.y, other.x, other.y, person))
        if not here:
            gaps.append(Gap(x, f"{frame['time_s']:.2f} s: {_why(frame)}"))
        marks += here.values()
        before = here
    ticks = tuple((across(at / end), f"{at:g}") for at in nice_ticks(end))
    return Timeline(
        tuple(marks), tuple(lines), tuple(gaps), ticks, _tells(frames, len(gaps))
    )


def _why(frame: Mapping[str, Any]) -> str:
    return {"no_face": "no face found", "unreadable": "frame damaged"}.get(
        frame["status"], "face not scored"
    )


def _tells(frames: Sequence[Mapping[str, Any]], num_gaps: int) -> str:
    scores = [face["score"] for frame in frames for face in scored_faces(frame)]
    if not scores:
        return f"{len(frames)} frames, no face scored."
    without = f"; {num_gaps} of {len(frames)} frames without" if num_gaps else ""
    return (
        f"{len(scores)} scored faces, from {min(scores):.2f} to {max(scores):.2f}"
        f"{without}."
    )


def nice_ticks(end: float) -> Iterator[float]:
    """Yield round values from 0 to ``end``.

    >>> list(nice_ticks(6.0)), list(nice_ticks(0.5))
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    """
    rough = end / TICKS_WANTED
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * of for of in (1, 2, 5, 10) if power * of >= rough)
    for number in range(int(end / step * (1 + 1e-9)) + 1):
        yield round(number * step, 10)


@dataclass(frozen=True)
class Gauge:
    """A value between real and fake, its interval, and where the answers change."""

    value: float
    interval: tuple[float, float] | None
    threshold: float
    band: tuple[float, float]
    tells: str


def gauge(verdict: Mapping[str, Any]) -> Gauge | None:
    """Return the gauge of what is compared with the threshold; None without a score."""
    decision, probability = verdict["decision"], verdict["probability"]
    if decision is None or verdict["score"] is None:
        return None
    is_probability = decision["on"] == "probability" and probability is not None
    value = probability["value"] if is_probability else verdict["score"]
    limits = probability["interval_95"] if is_probability else None
    low, high = decision["band"]
    return Gauge(
        value=across(value),
        interval=(across(limits[0]), across(limits[1])) if limits else None,
        threshold=across(decision["threshold"]),
        band=(across(low), across(high)),
        tells=(
            f"{'Probability' if is_probability else 'Score'} {value:.2f}"
            + (f", 95 % interval {limits[0]:.2f} to {limits[1]:.2f}" if limits else "")
            + f". {_answers(decision['threshold'], low, high)}"
        ),
    )


def _answers(threshold: float, low: float, high: float) -> str:
    """Return what is answered where."""
    if low <= 0 and high >= 1:
        return "Nothing is decided, whatever the value."
    return (
        f"The threshold is {threshold:.2f}: above {high:.2f} a video is called fake, "
        f"below {low:.2f} real, and between them nothing is decided."
    )
