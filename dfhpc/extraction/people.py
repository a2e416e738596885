"""Whose faces of a video are stored, and in which of its row slots."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import ExtractConfig
from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import VideoReadError
from dfhpc.extraction.reading import in_shown_pixels
from dfhpc.extraction.records import FrameRecord, FrameStatus, SeenFace
from dfhpc.faces.crop import Box, cut_face, unified
from dfhpc.faces.detector import Detection
from dfhpc.faces.quality import face_quality
from dfhpc.faces.tracking import Tracks, by_importance, follow_faces
from dfhpc.videos.frames import Choose, Frame

Face = NDArray[np.uint8]
"""RGB (320, 320, 3)."""

HELD_BYTES = 64 * 1024**2
"""Pieces of frames beyond those that can be stored: a crowd over many frames has more,
and is read a second time."""


@dataclass(frozen=True)
class Look:
    """What one sampled frame shows, before its people are told apart."""

    index: int
    time_s: float
    status: FrameStatus
    faces: tuple[Detection, ...] = ()
    """The confident ones: the chosen one, then the others."""
    mirrored: bool = False
    name: str = ""
    """Of the image file, where the video lies as images."""


def room_for_pieces(extract: ExtractConfig) -> int:
    """Return how many bytes of pieces of a video may be held."""
    slots = extract.frames_per_video * extract.people_per_video
    return HELD_BYTES + slots * ROW_LENGTH


class Pieces:
    """Pieces of frames that hold faces, until it is known whose faces are stored."""

    def __init__(self, extract: ExtractConfig, room: float = math.inf) -> None:
        """Hold nothing yet, and never more than ``room`` bytes."""
        self._extract = extract
        self._room = room
        self._pieces: dict[tuple[int, int], NDArray[np.uint8]] = {}

    @property
    def has_all(self) -> bool:
        """Whether there was room for every piece; if not, none is left."""
        return self._room >= 0

    def cut(self, pixels: NDArray[np.uint8], box: Box, place: tuple[int, int]) -> None:
        """Hold what is in ``box``; its place is the sampled frame and the face in it.

        In its own size, or as a stored face if that is smaller.
        """
        piece = cut_face(pixels, box, self._extract.crop, self._extract.margin)
        piece = piece.copy() if piece.size < ROW_LENGTH else unified(piece)
        self._room -= piece.nbytes
        if self.has_all:
            self._pieces[place] = piece
        else:
            self._pieces.clear()

    def take(self, number: int, at: int) -> Face:
        """Return a face as it is stored, and hold it no longer."""
        return unified(self._pieces.pop((number, at)))


def frame_records(looks: Sequence[Look], extract: ExtractConfig) -> list[FrameRecord]:
    """Return the records of frames, with the track and slot group of each face."""
    faces = [look.faces for look in looks]
    tracks = follow_faces([look.time_s for look in looks], faces)
    group_of = _slot_groups(faces, tracks, extract)
    return [
        FrameRecord(
            look.index,
            look.time_s,
            look.status,
            tuple(
                SeenFace(face, track, group_of(at, track))
                for at, (face, track) in enumerate(zip(look.faces, ids, strict=True))
            ),
            look.mirrored,
            look.name,
        )
        for look, ids in zip(looks, tracks, strict=True)
    ]


def _slot_groups(
    faces: Sequence[Sequence[Detection]], tracks: Tracks, extract: ExtractConfig
) -> Callable[[int, int], int | None]:
    """Return what says, of face ``at`` of a frame and its track, the slot group."""
    if extract.faces == "one":
        return lambda at, track: 0 if at == 0 else None
    kept = by_importance(faces, tracks)[: extract.max_people]
    groups = {track: group for group, track in enumerate(kept)}
    return lambda at, track: groups.get(track)


def fill_slots(
    records: Sequence[FrameRecord], pieces: Pieces, extract: ExtractConfig
) -> tuple[tuple[FrameRecord, ...], list[Face | None]]:
    """Return the records with the quality of each stored face, and the faces by slot.

    The list ends with the last slot of the last slot group that frames belong to.
    """
    groups = 1 + max((s.slot_group or 0 for r in records for s in r.seen), default=0)
    size = extract.frames_per_video
    faces: list[Face | None] = [None] * ((groups - 1) * size + len(records))
    filled = []
    for number, record in enumerate(records):
        seen = list(record.seen)
        for at, one in enumerate(seen):
            if one.slot_group is not None:
                face = pieces.take(number, at)
                faces[one.slot_group * size + number] = face
                seen[at] = replace(one, quality=face_quality(face, one.face.box))
        filled.append(replace(record, seen=tuple(seen)))
    return tuple(filled), faces


def cut_again(
    path: Path,
    read: Callable[[Choose], Iterable[Frame]],
    records: Sequence[FrameRecord],
    extract: ExtractConfig,
) -> Pieces:
    """Return the pieces that are stored, from a second reading of the video.

    Raises
    ------
    VideoReadError
        When the video is no longer what it was.
    """
    pieces = Pieces(extract)
    numbers = {record.frame_index: number for number, record in enumerate(records)}
    frames = read(lambda times_s: [index for index in numbers if index < len(times_s)])
    for frame in frames:
        number = numbers.pop(frame.index)
        for at, seen in enumerate(records[number].seen):
            if seen.slot_group is None:
                continue
            if frame.pixels is None:
                raise _changed(path)
            box = in_shown_pixels(seen.face.box, frame.scale)
            pieces.cut(frame.pixels, box, (number, at))
    if numbers:
        raise _changed(path)
    return pieces


def _changed(path: Path) -> VideoReadError:
    return VideoReadError(
        "changed", f"{path} was changed while it was read; extract it again."
    )
