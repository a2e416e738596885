"""From shots to pictures: frames are decoded again, faces read from the store."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import ExtractConfig
from dfhpc.constants import FACE_CHANNELS, FACE_SIDE
from dfhpc.errors import StoreError, VideoReadError
from dfhpc.extraction.reading import read_again
from dfhpc.inspection.review import Shot
from dfhpc.reporting.marking import faces_of, fitted, mark_frame
from dfhpc.reporting.sheets import Tile
from dfhpc.reporting.shot_text import crop_captions, frame_captions
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import RowReader
from dfhpc.store.schema import file_size, shard_path
from dfhpc.videos.manifest import Video

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]
"""Width and height in pixels."""


class Darkroom:
    """Makes tiles of shots; what cannot be shown is a sentence in the tile's place."""

    def __init__(
        self,
        run: RunDirectory,
        videos: Sequence[Video],
        extract: ExtractConfig,
        tell: Callable[[str], None],
    ) -> None:
        """Open the store; ``tell`` takes a sentence on what cannot be read."""
        self._extract = extract
        self._run = run
        self.videos = videos
        self._tell = tell
        self._reader = RowReader(run.store_path)
        self.opened: set[int] = set()
        """Positions of videos that could be read again."""
        self.failed: set[int] = set()

    def frame_tiles(self, shots: Sequence[Shot], size: Size) -> list[Tile]:
        """Return the frames of ``shots`` with their faces marked, in that order."""
        pictures = self.pictures(shots, size)
        return [
            Tile(
                picture if picture is not None else self._excuse(shot),
                self._frame_captions(shot),
                self.videos[shot.position].label,
            )
            for shot, picture in zip(shots, pictures, strict=True)
        ]

    def crop_tiles(self, shots: Sequence[Shot], size: Size) -> list[Tile]:
        """Return the faces of ``shots``, which have one, in that order."""
        faces = self._faces(shots)
        return [
            Tile(
                _no_crop(shot) if face is None else fitted(face, size),
                self._crop_captions(shot),
                self.videos[shot.position].label,
            )
            for shot, face in zip(shots, faces, strict=True)
        ]

    def pictures(self, shots: Sequence[Shot], size: Size) -> "list[Image.Image | None]":
        """Return the frames of ``shots``, faces marked; None where there is none."""
        of_video: dict[int, list[Shot]] = defaultdict(list)
        for shot in shots:
            # What could not be read, or killed a worker, is not tried again.
            if shot.frame and shot.video["status"] != "error":
                of_video[shot.position].append(shot)
        found: dict[tuple[int, int], Image.Image] = {}
        for position, some in of_video.items():
            try:
                for index, picture in self._decoded(position, some, size).items():
                    found[position, index] = picture
            except VideoReadError as error:
                if position not in self.failed:
                    self._tell(f"{self.videos[position].video_id}: {error}")
                self.failed.add(position)
        return [
            found.get((shot.position, shot.frame.get("frame_index", -1)))
            for shot in shots
        ]

    def _decoded(
        self, position: int, shots: Sequence[Shot], size: Size
    ) -> "dict[int, Image.Image]":
        video = self.videos[position]
        wanted = {shot.frame["frame_index"]: shot for shot in shots}

        def choose(times_s: Sequence[float]) -> list[int]:
            return [index for index in wanted if index < len(times_s)]

        path = Path(video.path)
        frames = read_again(path, video.image_names, choose, self._extract)
        self.opened.add(position)
        return {
            frame.index: mark_frame(
                frame.pixels, faces_of(wanted[frame.index].frame), size, frame.scale
            )
            for frame in frames
            if frame.pixels is not None
        }

    def _excuse(self, shot: Shot) -> str:
        """Return why there is no picture."""
        video = shot.video
        if shot.position in self.failed:
            return "The video is gone, or can no longer be read."
        if video["status"] == "error":
            return f"{video['reason']}: {video['detail'] or 'no frame is readable'}"
        return "This frame cannot be decoded."

    def _frame_captions(self, shot: Shot) -> tuple[str, ...]:
        video = self.videos[shot.position]
        if not shot.frame:
            return video.video_id, video.label_name, f"error: {shot.video['reason']}"
        kind = f"{video.label_name} {video.method}".strip()
        return frame_captions(video.video_id, kind, shot.frame)

    def _crop_captions(self, shot: Shot) -> tuple[str, ...]:
        video = self.videos[shot.position]
        return crop_captions(video.video_id, video.method, shot.frame)

    def _faces(self, shots: Sequence[Shot]) -> list[NDArray[np.uint8] | None]:
        layout = self._reader.layout
        row_of = [
            layout.row(shot.position, shot.slot, shot.frame["slot_group"] or 0)
            for shot in shots
        ]
        has_row = [shot.frame["slot_group"] is not None for shot in shots]
        found: dict[int, NDArray[np.uint8]] = {}
        for partition in sorted({shot.partition for shot in shots}):
            inside = [
                at
                for at, shot in enumerate(shots)
                if shot.partition == partition and has_row[at]
            ]
            if not inside:
                continue
            rows = np.array(sorted(row_of[at] for at in inside), np.int64)
            shard_bytes = shots[inside[0]].shard_bytes
            try:
                pixels = self._read(partition, rows, shard_bytes)
            except StoreError as error:
                self._tell(str(error))
                continue
            found |= dict(zip(rows.tolist(), pixels, strict=True))
        return [
            found.get(row) if has else None
            for row, has in zip(row_of, has_row, strict=True)
        ]

    def _read(
        self, partition: int, rows: NDArray[np.int64], shard_bytes: int
    ) -> NDArray[np.uint8]:
        """Return faces (rows, 320, 320, 3) of a finished partition."""
        shard = shard_path(self._run.store_path, partition)
        if file_size(shard) != shard_bytes:
            # While a run is under way, no array says that a face should be there.
            raise StoreError(
                f"The faces of partition {partition} in {self._run.store_path} are "
                f"damaged; run `dfhpc extract {self._run.path}` to have them again."
            )
        _, pixels = self._reader.read_partition(partition, rows)
        return pixels.reshape(-1, FACE_SIDE, FACE_SIDE, FACE_CHANNELS)


def _no_crop(shot: Shot) -> str:
    """Return why there is no face to show."""
    if shot.frame["slot_group"] is None:
        return "This person has no rows."
    return "The face cannot be read from the store."
