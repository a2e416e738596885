"""From the parts of a split to rows of the store."""

from collections.abc import Sequence

import numpy as np

from dfhpc.splits import PARTS, Split
from dfhpc.store.reading import RowReader, Rows
from dfhpc.videos.manifest import Video


def rows_of_parts(
    split: Split, videos: Sequence[Video], reader: RowReader
) -> dict[str, Rows]:
    """Return the rows with a face of train, calibration and test, ascending."""
    valid = np.asarray(reader.array("valid"), bool)
    if split.is_leaky:
        return {
            part: np.sort(np.asarray(split.members(part), np.int64)) for part in PARTS
        }
    part_of = {member: part for part in PARTS for member in split.members(part)}
    of_video = np.array([part_of.get(video.video_id, "") for video in videos])
    of_row = np.repeat(of_video, reader.layout.frames_per_video)
    return {part: np.flatnonzero(valid & (of_row == part)) for part in PARTS}
