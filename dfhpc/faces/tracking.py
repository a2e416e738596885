"""Who is who: faces followed through the sampled frames of a video, by place and size.

Sampled frames may lie a second apart, in which a face moves farther than it is wide:
then boxes of one face do not overlap, and of two people who pass they do. So what is
compared is the way that the landmarks went, in widths of the face, and the change of
size. Nobody's look is compared: who leaves and comes back is somebody new.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfhpc.faces.detector import Detection

MAX_GAP = 3
"""Sampled frames in a row that a face may be missing from and still be followed."""

NEAREST_REACH = 1.0
"""How far a face is looked for at once, in widths: what detectors waver, and more."""

REACH_PER_S = 2.0
"""How much farther each second; a head that walks by makes some such way."""

FARTHEST_REACH = 2.0
"""On clips of crowds, a face farther off is more often somebody else's."""

SIZE_WEIGHT = 3.0
"""A face e times as large counts as so many widths away: people approach slowly."""

Tracks = list[list[int]]
"""The track of each face of each frame."""


@dataclass(frozen=True)
class _Sight:
    """Where a track was seen last."""

    face: Detection
    number: int
    time_s: float


def follow_faces(
    times_s: Sequence[float], frames: Sequence[Sequence[Detection]]
) -> Tracks:
    """Return the track of each face of each sampled frame, numbered as they appear.

    Those that appear in one frame are numbered from left to right. A frame's faces
    are given to the tracks so that all of them together go the shortest way
    (Kuhn 1955), with a limit, first to those seen last (as Wojke et al. 2017, ICIP,
    "Simple online and realtime tracking with a deep association metric").

    >>> faces = [Detection((x, 50, 40, 40), 1.0, None) for x in (90, 10, 15, 300)]
    >>> follow_faces([0, 1], [faces[:2], faces[2:]])
    [[1, 0], [0, 2]]
    """
    sights: dict[int, _Sight] = {}
    count = 0
    found: Tracks = []
    for number, (time_s, faces) in enumerate(zip(times_s, frames, strict=True)):
        sights = {t: s for t, s in sights.items() if number - s.number <= MAX_GAP + 1}
        # Not in the detector's order, so that another's changes nothing.
        order = sorted(range(len(faces)), key=lambda at: faces[at].box)
        ordered = [faces[at] for at in order]
        tracks = [-1] * len(faces)
        for at, track in zip(order, _continued(sights, ordered, time_s), strict=True):
            tracks[at] = count if track is None else track
            count += track is None
            sights[tracks[at]] = _Sight(faces[at], number, time_s)
        found.append(tracks)
    return found


def _continued(
    sights: Mapping[int, _Sight], faces: Sequence[Detection], time_s: float
) -> list[int | None]:
    """Return which track each face of a frame continues, None for none."""
    found: list[int | None] = [None] * len(faces)
    for last in sorted({sight.number for sight in sights.values()}, reverse=True):
        live = [track for track, sight in sights.items() if sight.number == last]
        free = [at for at, track in enumerate(found) if track is None]
        if free:
            seen = [sights[track] for track in live]
            costs = _costs(seen, [faces[at] for at in free], time_s)
            for row, column in _pairs(costs):
                found[free[column]] = live[row]
    return found


def _costs(
    sights: Sequence[_Sight], faces: Sequence[Detection], time_s: float
) -> NDArray[np.float64]:
    """Return how unlikely each face is each of those seen before: 1 is the limit."""
    passed_s = time_s - np.array([sight.time_s for sight in sights])
    reach = NEAREST_REACH + REACH_PER_S * np.maximum(passed_s, 0.0)
    apart = distances([sight.face for sight in sights], faces)
    return np.asarray(apart / np.minimum(reach, FARTHEST_REACH)[:, None])


def distances(
    ones: Sequence[Detection], others: Sequence[Detection]
) -> NDArray[np.float64]:
    """Return how far faces are apart, in widths of a face: (ones, others).

    Size counts too. Faces without landmarks are compared by their middles.

    >>> ones = [Detection((0, 0, 40, 40), 1.0, None)]
    >>> boxes = (40, 0, 40, 40), (-20, -20, 80, 80)
    >>> distances(ones, [Detection(box, 1.0, None) for box in boxes]).round(2)
    array([[1.  , 2.08]])
    """
    has_landmarks = all(face.landmarks for face in (*ones, *others))
    (left, left_sizes), (right, right_sizes) = (
        _points_and_sizes(faces, has_landmarks=has_landmarks)
        for faces in (ones, others)
    )
    ways = np.hypot(*np.moveaxis(left[:, None] - right, -1, 0)).mean(axis=-1)
    growth = np.abs(np.log(left_sizes[:, None] / right_sizes))
    size = np.sqrt(left_sizes[:, None] * right_sizes)
    return np.asarray(ways / size + SIZE_WEIGHT * growth)


def _points_and_sizes(
    faces: Sequence[Detection], *, has_landmarks: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what faces are compared by: (faces, points, 2), and their sizes."""
    boxes = np.array([face.box for face in faces], np.float64)
    points = (boxes[:, :2] + boxes[:, 2:] / 2)[:, None]
    if has_landmarks:
        points = np.array([face.landmarks for face in faces])
    return points, np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], 1.0))


def _pairs(costs: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of row and column of least cost in all, each below 1."""
    capped = np.minimum(costs, 1.0)
    if 1 in capped.shape:
        # So it is in nearly every video: no need to load SciPy.
        rows, columns = (np.array([i]) for i in divmod(capped.argmin(), costs.shape[1]))
    else:
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(capped)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if capped[row, column] < 1:
            yield row, column


def by_importance(frames: Sequence[Sequence[Detection]], tracks: Tracks) -> list[int]:
    """Return the tracks, those seen in most frames first; of equals, larger faces.

    >>> one, two = (Detection((0, 0, side, side), 1.0, None) for side in (20, 30))
    >>> by_importance([[one, two], [one]], [[0, 1], [0]])
    [0, 1]
    >>> by_importance([[one, two]], [[0, 1]])
    [1, 0]
    """
    areas: dict[int, list[int]] = {}
    for faces, ids in zip(frames, tracks, strict=True):
        for face, track in zip(faces, ids, strict=True):
            areas.setdefault(track, []).append(face.box[2] * face.box[3])
    return sorted(
        areas, key=lambda t: (-len(areas[t]), -sum(areas[t]) / len(areas[t]), t)
    )
