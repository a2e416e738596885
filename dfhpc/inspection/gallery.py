"""A fair sample of a run's faces: some of each class, its methods in turn."""

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dfhpc.inspection.darkroom import Darkroom
from dfhpc.inspection.review import Shot
from dfhpc.reporting.pages import data_uri
from dfhpc.reporting.report.blocks import Face
from dfhpc.reporting.shot_text import place_text
from dfhpc.videos.manifest import Video

if TYPE_CHECKING:
    from PIL import Image

FACES_A_CLASS = 12
SIZE = (144, 144)
QUALITY = 80
"""Of WebP: four kilobytes a face."""


class Gallery:
    """Picks the middle face of the first videos of each class and method."""

    def __init__(self, limit: int = FACES_A_CLASS) -> None:
        """Hold nothing yet."""
        self._limit = limit
        self._kept: dict[int, dict[str, list[Shot]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def add(self, video: Video, shots: Sequence[Shot]) -> None:
        """Take a face of one video, if it has one and there is room."""
        kept = self._kept[video.label][video.method]
        faces = [
            shot
            for shot in shots
            if shot.status == "ok" and shot.frame.get("slot_group") is not None
        ]
        if faces and len(kept) < self._limit:
            kept.append(faces[len(faces) // 2])

    def chosen(self) -> dict[int, list[Shot]]:
        """Return the faces of each class, its methods taking turns."""
        found = {}
        for label, by_method in sorted(self._kept.items()):
            turns = zip_longest(*(by_method[name] for name in sorted(by_method)))
            shots = [shot for turn in turns for shot in turn if shot is not None]
            if shots:
                found[label] = shots[: self._limit]
        return found


def develop(room: Darkroom, shots: Sequence[Shot]) -> Iterator[Face]:
    """Yield each face as a small picture; what cannot be read is left out."""
    tiles = room.crop_tiles(shots, SIZE)
    for shot, tile in zip(shots, tiles, strict=True):
        if not isinstance(tile.picture, str):
            video = room.videos[shot.position]
            kind = f"{video.label_name} {video.method}".strip()
            name = PurePosixPath(video.video_id).name
            yield Face(
                uri=data_uri(_webp(tile.picture), "webp"),
                alt=f"Face, {kind}, of {video.video_id}, {place_text(shot.frame)}",
                lines=(video.method or video.label_name, name),
            )


def _webp(picture: "Image.Image") -> bytes:
    file = io.BytesIO()
    picture.save(file, format="WEBP", quality=QUALITY)
    return file.getvalue()
