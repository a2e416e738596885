"""The list of misses: every frame without a face and every video without a frame."""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from dfhpc.inspection.review import Shot
from dfhpc.runs import atomic_path
from dfhpc.videos.manifest import Video

LIST_NAME = "misses.csv"
COLUMNS = (
    *("video_id", "label", "video_status", "reason"),
    *("frame_status", "frame_index", "time_s", "name", "detail", "path"),
)


class MissList:
    """Writes a line for each miss, as they come; none is held."""

    def __init__(self, file: IO[str]) -> None:
        """Write the header."""
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(COLUMNS)
        self.count = 0

    def add(self, video: Video, shots: Sequence[Shot]) -> None:
        """Write the misses of one video."""
        for shot in shots:
            if shot.status != "ok":
                self._writer.writerow(_line(video, shot))
                self.count += 1


def _line(video: Video, shot: Shot) -> tuple[Any, ...]:
    record, frame = shot.video, shot.frame
    return (
        video.video_id,
        video.label_name,
        record["status"],
        record["reason"],
        *(frame.get(key, "") for key in ("status", "frame_index", "time_s", "name")),
        record["detail"],
        video.path,
    )


@contextlib.contextmanager
def miss_list(folder: Path) -> Iterator[MissList]:
    """Yield a list that is in ``folder``, whole, when the block ends well."""
    with (
        atomic_path(folder / LIST_NAME) as tmp,
        tmp.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        yield MissList(file)
