"""A decoded frame to an upright RGB picture of a size that can be handled."""

import logging
import math

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from dfhpc.videos.frames import LARGEST_SHOWN

logger = logging.getLogger(__name__)


def shown_size(width: int, height: int) -> tuple[int, int]:
    """Return the width and height that a frame is handed on with.

    >>> shown_size(1920, 1080), shown_size(4096, 2160)
    ((1920, 1080), (4096, 2160))
    >>> shown_size(7680, 4320)
    (4096, 2304)
    """
    if width * height <= LARGEST_SHOWN:
        return width, height
    share = math.sqrt(LARGEST_SHOWN / (width * height))
    return max(1, int(width * share)), max(1, int(height * share))


def to_rgb(frame: VideoFrame) -> NDArray[np.uint8] | None:
    """Return a frame as RGB uint8 (height, width, 3), upright; None: it has no picture.

    Larger ones are scaled down by the mean over areas.
    """
    turns = quarter_turns(frame)
    width, height = shown_size(frame.width, frame.height)
    try:
        if (width, height) != (frame.width, frame.height):
            frame = _scaled(frame, width, height)
        pixels = frame.to_ndarray(format="rgb24")
    except av.error.MemoryError:
        raise
    except (av.error.FFmpegError, ValueError) as error:
        logger.debug("Frame without a picture: %s", error)
        return None
    assert pixels.dtype == np.uint8
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _scaled(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    return frame.reformat(width, height, "rgb24", interpolation="AREA")


def quarter_turns(frame: VideoFrame) -> int:
    """Return by how many quarter turns, counter-clockwise, a frame becomes upright."""
    return round(frame.rotation / 90) % 4
