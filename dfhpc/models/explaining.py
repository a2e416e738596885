"""What a model used in a face, and whether that survives a check.

A model that knows what it looks at says so; any other is asked with patches of the
face hidden. Either way the region that speaks most for the answer is then hidden: the
score must move against the answer, and by more than with other regions hidden.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import ROW_LENGTH
from dfhpc.explanations import Explanation, Method, ShownFace, Side
from dfhpc.metrics import THRESHOLD
from dfhpc.models.base import Model
from dfhpc.models.hiding import (
    Floats,
    Hiding,
    log_odds,
    other_regions,
    top_region,
)
from dfhpc.models.occlusion import occlusion
from dfhpc.store.reading import Pixels

RANDOM_REGIONS = 8

LEAST_MOVE = 0.02
"""In log-odds: half a hundredth of a score of one half. What moves it less moves
nothing that anybody would see."""

SIGNS: dict[Side, int] = {"fake": 1, "real": -1}


@runtime_checkable
class Explains(Protocol):
    """A model that knows where in a face it finds what it goes by.

    It may have ``explained_by``, the name of its method, and ``neutral``, the row that
    tells it nothing.
    """

    def explain(self, row: Pixels) -> NDArray[np.float32]:
        """Return what speaks for fake at each place of (307200,): (320, 320)."""
        ...


def explain_face(
    model: Model, shown: ShownFace, side: Side, seen: float | None = None
) -> Explanation:
    """Return where ``model`` finds what speaks for ``side``, and if hiding shows it.

    ``seen`` is its score of the face, where that is known.
    """
    row = shown.face.reshape(ROW_LENGTH)
    if seen is None:
        seen = float(model.score(row[None])[0])
    face = Hiding(model.score, row, getattr(model, "neutral", None))
    method, evidence = _evidence(model, face, seen, side)
    region = top_region(SIGNS[side] * evidence)
    hidden = face.scores([region, *other_regions(region, RANDOM_REGIONS)])
    return Explanation(
        method=method,
        frame_index=shown.frame_index,
        track=shown.track,
        side=side,
        region=region,
        score=seen,
        score_hidden=float(hidden[0]),
        random_scores=tuple(hidden[1:].tolist()),
        cover=face.cover,
        holds=_holds(seen, hidden, side),
        evidence=evidence,
    )


def _evidence(
    model: Model, face: Hiding, seen: float, side: Side
) -> tuple[Method, NDArray[np.float32]]:
    """Return what the model says it used, or what hiding patches says.

    A map of what speaks for fake alone has nothing to say of a face judged real.
    """
    if isinstance(model, Explains):
        evidence = np.asarray(model.explain(face.row), np.float32)
        if (SIGNS[side] * evidence > 0).any():
            return getattr(model, "explained_by", "grad_cam"), evidence
    return "occlusion", occlusion(face, seen)


def _holds(seen: float, hidden: Floats, side: Side) -> bool:
    """Return whether the first of ``hidden`` moves away from ``side``, and far enough.

    Further than the others move, on the mean, in whatever direction.
    """
    moves = SIGNS[side] * (log_odds(np.array(seen)) - log_odds(hidden))
    return bool(moves[0] >= LEAST_MOVE and moves[0] > np.abs(moves[1:]).mean())


def telling_faces(scores: Sequence[float], side: Side, most: int) -> list[int]:
    """Return which faces to explain: the one that speaks most for ``side`` first.

    Then the one nearest to the mean of all.

    >>> telling_faces([0.2, 0.9, 0.6], "fake", 2), telling_faces([0.2, 0.9], "real", 1)
    ([1, 2], [0])
    """
    if not scores:
        return []
    mean = sum(scores) / len(scores)
    order = range(len(scores))
    extreme = max(order, key=lambda at: SIGNS[side] * scores[at])
    typical = min(order, key=lambda at: abs(scores[at] - mean))
    return list(dict.fromkeys([extreme, typical]))[:most]


def explain_faces(
    model: Model,
    shown: Sequence[ShownFace],
    scores: Sequence[float],
    side: Side,
    *,
    most: int = 1,
) -> list[Explanation]:
    """Return explanations of the most telling of some faces of one person.

    ``scores`` are the model's, one a face; ``side`` is what it says of the person.
    """
    chosen = telling_faces(scores, side, most)
    return [explain_face(model, shown[at], side, scores[at]) for at in chosen]


def explain_verdict(
    verdict: Mapping[str, Any],
    shown: Sequence[ShownFace],
    models: Mapping[str, Model],
    *,
    most: int = 1,
) -> dict[str, list[Explanation]]:
    """Return, by name, what each model used in the faces of who decides the verdict.

    ``shown`` are the scored faces in the order of each model's ``frame_scores``.
    """
    deciding = [person for person in verdict["people"] if person["decides"]]
    # Of a score that mixes people, those count who have this status alone.
    same = [one for one in deciding if one["status"] == verdict["status"]]
    tracks = {person["track"] for person in same or deciding}
    chosen = [at for at, one in enumerate(shown) if one.track in tracks or not tracks]
    found = {}
    for judged in verdict["models"]:
        scores = [judged["frame_scores"][at] for at in chosen]
        found[judged["name"]] = explain_faces(
            models[judged["name"]],
            [shown[at] for at in chosen],
            scores,
            side_of(judged["status"], scores),
            most=most,
        )
    return found


def side_of(status: str, scores: Iterable[float]) -> Side:
    """Return what a model says, or leans to where it says nothing.

    >>> side_of("real", [0.9]), side_of("inconclusive", [0.7, 0.4])
    ('real', 'fake')
    """
    if status in ("fake", "real"):
        return "fake" if status == "fake" else "real"
    values = list(scores)
    return "fake" if sum(values) >= THRESHOLD * len(values) else "real"


def note_explanations(
    verdict: Mapping[str, Any], explanations: Mapping[str, Sequence[Explanation]]
) -> dict[str, Any]:
    """Return the verdict with each model's explanations in it, as JSON values."""
    noted = [
        judged
        | {"explanations": [one.to_json() for one in explanations[judged["name"]]]}
        for judged in verdict["models"]
    ]
    return dict(verdict) | {"models": noted}
