"""What is exported: facts of the rows, and their pixels in blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Block = tuple[slice, NDArray[np.uint8]]
"""Which rows of the table, and their pixels (rows, 307200)."""

Blocks = Callable[[], Iterator[Block]]


@dataclass(frozen=True)
class RowTable:
    """Facts of the rows to export, in the order of the store."""

    row: NDArray[np.int64]
    """Where in the store."""
    video: NDArray[np.int32]
    """Position in the manifest, of ``video_ids``."""
    label: NDArray[np.int8]
    frame_index: NDArray[np.int32]
    time_s: NDArray[np.float64]
    confidence: NDArray[np.float32]
    box: NDArray[np.int32]
    landmarks: NDArray[np.float32]
    part: NDArray[np.str_]
    """train, calibration, test, or empty."""
    video_ids: list[str]
    """Of all videos of the manifest."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.row)

    def ids(self, rows: slice) -> list[str]:
        """Return the video id of each of ``rows``."""
        return [self.video_ids[position] for position in self.video[rows]]
