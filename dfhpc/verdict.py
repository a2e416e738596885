"""From the scores of a video's faces to a verdict that may also be: I cannot tell."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from dfhpc.extraction.records import VideoRecord
from dfhpc.faces.crop import Box
from dfhpc.metrics import THRESHOLD
from dfhpc.person_scores import deciding_person, faces_needed

Status = Literal["fake", "real", "inconclusive", "not_applicable", "error"]
Judgement = tuple[Status, str, str]
"""Status, a code that says why, and a sentence on it."""

UNDECIDED_BAND = 0.05
"""A score nearer to the threshold than this decides nothing."""


@dataclass(frozen=True)
class ScoredFace:
    """A face of a video and how fake it looks."""

    slot_group: int
    track: int
    frame_index: int
    box: Box
    score: float


@dataclass(frozen=True)
class Person:
    """What is said of one of the people in a video, followed as one track."""

    track: int
    place: str
    """Where, among the people judged, from the left; empty if there is only one."""
    frames: int
    """Faces scored, one a frame."""
    score: float
    """The mean of their scores."""
    status: Status
    reason: str
    frame_index: int
    """The middle one of the frames scored, where the person is in ``box``."""
    box: Box


@dataclass(frozen=True)
class Verdict:
    """What is said of one video; ``score`` is None unless faces were scored."""

    status: Status
    reason: str
    """A code for inconclusive, not_applicable and error; for fake and real empty, or
    several_people where the score mixes them."""
    detail: str
    score: float | None
    frames_scored: int
    """Faces that make the score: those of one person if each has rows."""
    people: tuple[Person, ...] = ()
    """Those whose faces were scored."""
    people_not_scored: int = 0
    """Those who were seen beside them, each followed as one track."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def decide(
    record: VideoRecord, faces: Sequence[ScoredFace], frames_per_video: int
) -> Verdict:
    """Return the verdict on a video from its record and its scored faces.

    Its score is that of the deciding slot group, as in the evaluation.
    """
    if record.status == "error":
        return Verdict("error", record.reason, record.detail, None, 0)
    if not faces:
        detail = f"No face was found in {len(record.frames)} frames."
        return Verdict("not_applicable", "no_face", detail, None, 0)
    needed = faces_needed(frames_per_video)
    groups = _split((face.slot_group, face) for face in faces)
    scores = [_mean(group) for group in groups]
    decides = deciding_person([len(group) for group in groups], scores, needed)
    judged, score = groups[decides], scores[decides]
    status, reason, detail = _judge(score, len(judged), needed)
    mixed = len({face.track for face in judged})
    if mixed > 1 and not reason:
        reason = "several_people"
        detail = f"The score mixes faces of what seem to be {mixed} people."
    people = _people(faces, needed)
    unseen = record.num_people - len(people)
    return Verdict(status, reason, detail, score, len(judged), people, unseen)


def _judge(score: float, num_faces: int, needed: int) -> Judgement:
    if num_faces < needed:
        detail = f"{num_faces} usable faces; a verdict needs {needed}."
        return "inconclusive", "too_few_faces", detail
    if abs(score - THRESHOLD) < UNDECIDED_BAND:
        detail = f"The score is within {UNDECIDED_BAND} of {THRESHOLD}."
        return "inconclusive", "undecided_score", detail
    return ("fake" if score > THRESHOLD else "real"), "", ""


def _people(faces: Sequence[ScoredFace], needed: int) -> tuple[Person, ...]:
    """Return what is said of each person, who has most faces first."""
    tracks = sorted(
        _split((face.track, face) for face in faces),
        key=lambda track: (track[0].slot_group, -len(track), track[0].track),
    )
    middles = [track[len(track) // 2] for track in tracks]
    places = place_names([middle.box[0] + middle.box[2] / 2 for middle in middles])
    people = []
    for track, middle, place in zip(tracks, middles, places, strict=True):
        score = _mean(track)
        status, reason, _ = _judge(score, len(track), needed)
        where = middle.frame_index, middle.box
        who = middle.track, place, len(track)
        people.append(Person(*who, score, status, reason, *where))
    return tuple(people)


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
