"""What reading a video takes and gives: limits, facts and frames."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_SHOWN = 4096 * 2304
"""Pixels of a frame that is handed on as it is; larger ones are scaled down to it.

4K is below, in both of its widths; 8K comes as 4K: a face that is worth finding is
large there, and a frame of 8K is 100 MB before anything has looked at it.
"""


Choose = Callable[[Sequence[float]], list[int]]
"""From the times in seconds of the frames there are to the indices of those wanted."""


@dataclass(frozen=True)
class ReadOptions:
    """What is read of a video, and what is refused.

    The defaults let pass whatever a camera records in a day.
    """

    keyframes_only: bool = False
    """Whether only keyframes may be chosen."""
    max_pixels: int = 40_000_000
    """Of a frame; 8K has 35 million."""
    max_duration_s: float = 86_400.0
    max_packets: int = 3_000_000
    """A day at 30 frames a second has 2.6 million."""


@dataclass(frozen=True)
class Frame:
    """A sampled frame; ``pixels`` is None where it could not be decoded cleanly."""

    index: int
    time_s: float
    pixels: NDArray[np.uint8] | None
    """RGB, (height, width, 3), upright, of no more than LARGEST_SHOWN pixels."""
    width: int = 0
    """Of the upright frame as the file has it, before any scaling."""
    height: int = 0
    name: str = ""
    """Of the image file, where the video lies as images."""

    @property
    def scale(self) -> tuple[float, float]:
        """By how much x and y of ``pixels`` are multiplied for those of the file.

        >>> Frame(0, 0.0, np.zeros((2160, 3840, 3), np.uint8), 7680, 4320).scale
        (2.0, 2.0)
        """
        if self.pixels is None or not self.width or not self.height:
            return 1.0, 1.0
        rows, columns = self.pixels.shape[:2]
        return self.width / columns, self.height / rows


@dataclass(frozen=True)
class VideoFacts:
    """What reading a video showed."""

    codec: str
    width: int
    height: int
    """As stored: before rotation, and whatever the shape of a pixel."""
    num_frames: int
    """Frames that the file holds, counted; what its header says is not trusted."""
    is_truncated: bool
    """Whether the file ends before the frames that its own index lists."""
    container: str = ""
    pixel_format: str = ""
    bit_depth: int = 8
    has_alpha: bool = False
    """Transparency is left out: colors are taken as they are stored."""
    fps: float | None = None
    """Mean rate that the container states."""
    duration_s: float | None = None
    """From the first frame to the end of the last, as their times say."""
    sample_aspect_ratio: str = "1:1"
    """Shape of a pixel. Frames are not stretched to it: rows are pixels as stored."""
    rotation: int = 0
    """Degrees, counter-clockwise, by which the frames were turned to be upright."""
    is_interlaced: bool = False
    """Whether a sampled frame says that it is; both fields are left in it."""
    num_damaged_packets: int = 0
    """Packets that the decoder refused or the container calls damaged, among those
    that were decoded for the sampled frames."""
    num_corrupt_frames: int = 0
    """Frames that are not clean, among those decoded: damaged, or after a damaged
    one that they may refer to."""


class FrameStream(Iterator[Frame]):
    """The chosen frames of a video, in order; decoded as they are asked for."""

    def __init__(
        self, facts: VideoFacts, frames: Generator[Frame, None, VideoFacts]
    ) -> None:
        """Take the facts known before decoding, and the frames with those after."""
        self.facts = facts
        """What is known by now: all of it after the last frame."""
        self._frames = frames

    def __next__(self) -> Frame:
        try:
            return next(self._frames)
        except StopIteration as end:
            if end.value is not None:
                self.facts = end.value
            raise StopIteration from None

    def close(self) -> None:
        """Decode no more."""
        self._frames.close()
