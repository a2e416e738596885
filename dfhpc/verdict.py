"""From the scores of a video's faces to a verdict that may also be: I cannot tell."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from dfhpc.extraction.records import VideoRecord
from dfhpc.faces.crop import Box
from dfhpc.person_scores import deciding_person, faces_needed
from dfhpc.quality_ranges import MEASURES
from dfhpc.verdict_reasons import Reason, Rule, doubts

Status = Literal["fake", "real", "inconclusive", "not_applicable", "error"]

Probability = dict[str, Any]
"""``value``, and ``interval_95`` around it."""


@dataclass(frozen=True)
class ScoredFace:
    """A face of a video and how fake it looks."""

    slot_group: int
    track: int
    frame_index: int
    box: Box
    score: float
    quality: Mapping[str, float] | None = None
    """By measure, as ``faces/quality.py`` makes it."""


@dataclass(frozen=True)
class Judgement:
    """What is said of some faces, taken together."""

    status: Status
    reasons: tuple[Reason, ...]
    score: float
    """The mean of their scores."""
    probability: Probability | None


@dataclass(frozen=True)
class Person:
    """What is said of one of the people in a video, followed as one track."""

    track: int
    place: str
    """Where, among the people judged, from the left; empty if there is only one."""
    frames: int
    """Faces scored, one a frame."""
    judgement: Judgement
    frame_index: int
    """The middle one of the frames scored, where the person is in ``box``."""
    box: Box
    decides: bool
    """Whether the video's score is this person's, or has a part of it."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "track": self.track,
            "place": self.place,
            "frames": self.frames,
            "score": self.judgement.score,
            "probability": self.judgement.probability,
            "status": self.judgement.status,
            "reasons": [reason.to_json() for reason in self.judgement.reasons],
            "frame_index": self.frame_index,
            "box": list(self.box),
            "decides": self.decides,
        }


@dataclass(frozen=True)
class Verdict:
    """What is said of one video; ``score`` is None unless faces were scored."""

    status: Status
    reasons: tuple[Reason, ...]
    """Why it is inconclusive, not_applicable or error; for fake and real, notes."""
    score: float | None = None
    probability: Probability | None = None
    frames_scored: int = 0
    """Faces that make the score: those of one person if each has rows."""
    people: tuple[Person, ...] = ()
    """Those whose faces were scored."""
    people_not_scored: int = 0
    """Those who were seen beside them, each followed as one track."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "status": self.status,
            "reasons": [reason.to_json() for reason in self.reasons],
            "score": self.score,
            "probability": self.probability,
            "frames_scored": self.frames_scored,
            "people": [person.to_json() for person in self.people],
            "people_not_scored": self.people_not_scored,
        }


def decide(
    record: VideoRecord,
    faces: Sequence[ScoredFace],
    frames_per_video: int,
    rule: Rule,
) -> Verdict:
    """Return the verdict on a video from its record and its scored faces.

    Its score is that of the deciding slot group, as in the evaluation. Where nothing
    can be said of that person, but another one is plainly fake, so is the video.
    """
    if record.status == "error":
        return Verdict("error", (Reason(record.reason, record.detail),))
    if not faces:
        sentence = f"No face was found in {_frames(len(record.frames))}."
        return Verdict("not_applicable", (Reason("no_face", sentence),))
    needed = faces_needed(frames_per_video)
    groups = _split((face.slot_group, face) for face in faces)
    found = [_judge(group, needed, rule) for group in groups]
    decides = _deciding(groups, found, needed)
    judged, own = groups[decides], found[decides]
    notes = _notes(record, judged)
    people = _people(faces, needed, rule, judged[0].slot_group)
    return Verdict(
        own.status if _is_borne_out(own.status, people) else "inconclusive",
        (*own.reasons, *notes),
        own.score,
        own.probability,
        len(judged),
        people,
        record.num_people - len(people),
    )


def _is_borne_out(status: Status, people: Sequence[Person]) -> bool:
    """Whether a score that mixes people agrees with that of one of them alone."""
    mixed = [person for person in people if person.decides]
    if status == "inconclusive" or len(mixed) < 2:
        return True
    return any(person.judgement.status == status for person in mixed)


def _deciding(
    groups: Sequence[Sequence[ScoredFace]], found: Sequence[Judgement], needed: int
) -> int:
    scores = [judgement.score for judgement in found]
    decides = deciding_person([len(group) for group in groups], scores, needed)
    fakes = [at for at, judgement in enumerate(found) if judgement.status == "fake"]
    if found[decides].status == "inconclusive" and fakes:
        return max(fakes, key=lambda at: scores[at])
    return decides


def _judge(faces: Sequence[ScoredFace], needed: int, rule: Rule) -> Judgement:
    score = _mean(faces)
    scores = [face.score for face in faces]
    reasons = tuple(doubts(rule, scores, _medians(faces), needed))
    status: Status = "inconclusive"
    if not reasons:
        status = "fake" if rule.value(score) > rule.threshold else "real"
    return Judgement(status, reasons, score, rule.map.probability(score))


def _medians(faces: Sequence[ScoredFace]) -> dict[str, float]:
    known = [face.quality for face in faces if face.quality is not None]
    if not known:
        return {}
    return {name: float(np.median([each[name] for each in known])) for name in MEASURES}


def _notes(record: VideoRecord, judged: Sequence[ScoredFace]) -> list[Reason]:
    """Return what else is to be known of a video, whatever its status."""
    notes = []
    mixed = len({face.track for face in judged})
    if mixed > 1:
        sentence = (
            f"The score mixes faces of what seem to be {mixed} people, and counts only "
            "if it is that of one of them alone."
        )
        notes.append(Reason("several_people", sentence))
    if "truncated" in record.reason:
        sentence = "The file ends early; what is missing was not judged."
        notes.append(Reason("truncated", sentence))
    broken = sum(frame.status == "unreadable" for frame in record.frames)
    if broken:
        sentence = f"{broken} of {_frames(len(record.frames))} could not be read."
        notes.append(Reason("unreadable_frames", sentence))
    return notes


def _frames(count: int) -> str:
    return f"{count} sampled frame" + ("" if count == 1 else "s")


def _people(
    faces: Sequence[ScoredFace], needed: int, rule: Rule, deciding_group: int
) -> tuple[Person, ...]:
    """Return what is said of each person, who has most faces first."""
    tracks = sorted(
        _split((face.track, face) for face in faces),
        key=lambda track: (track[0].slot_group, -len(track), track[0].track),
    )
    middles = [track[len(track) // 2] for track in tracks]
    places = place_names([middle.box[0] + middle.box[2] / 2 for middle in middles])
    return tuple(
        Person(
            middle.track,
            place,
            len(track),
            _judge(track, needed, rule),
            middle.frame_index,
            middle.box,
            any(face.slot_group == deciding_group for face in track),
        )
        for track, middle, place in zip(tracks, middles, places, strict=True)
    )


def place_names(middles: Sequence[float]) -> list[str]:
    """Return where each person is among all, from how far right their middles are.

    >>> place_names([700.0, 120.0, 400.0])
    ['right', 'left', 'center']
    >>> place_names([5.0]), place_names([4.0, 3.0, 2.0, 1.0])[1]
    ([''], '3 of 4 from the left')
    """
    count = len(middles)
    words = {1: [""], 2: ["left", "right"], 3: ["left", "center", "right"]}.get(
        count, [f"{at} of {count} from the left" for at in range(1, count + 1)]
    )
    order = sorted(range(count), key=lambda at: middles[at])
    names = dict(zip(order, words, strict=True))
    return [names[at] for at in range(count)]


def _mean(faces: Sequence[ScoredFace]) -> float:
    return sum(face.score for face in faces) / len(faces)


Key = TypeVar("Key", bound=Hashable)


def _split(pairs: Iterable[tuple[Key, ScoredFace]]) -> list[list[ScoredFace]]:
    """Return the faces of each key, in the order in which keys appear."""
    found: dict[Key, list[ScoredFace]] = {}
    for key, face in pairs:
        found.setdefault(key, []).append(face)
    return list(found.values())
