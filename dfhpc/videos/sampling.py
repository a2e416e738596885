"""Which frames of a video are taken: pure functions of the frames' times."""

from collections.abc import Sequence
from typing import Literal

from dfhpc.config import ExtractConfig


def stride_indices(num_frames: int, stride: int, limit: int) -> list[int]:
    """Return every ``stride``-th index, at most ``limit`` of them.

    Stride 30 and limit 7 are those of Chiu 2021, after Abdali et al. 2021.

    >>> stride_indices(100, 30, 3)
    [0, 30, 60]
    """
    return list(range(0, num_frames, stride))[:limit]


def spread_indices(num_frames: int, limit: int) -> list[int]:
    """Return up to ``limit`` distinct indices, evenly spaced from first to last.

    >>> spread_indices(10, 4)
    [0, 3, 6, 9]
    >>> spread_indices(2, 4)
    [0, 1]
    """
    count = min(num_frames, limit)
    if count < 2:
        return [0] * count
    return [round(i * (num_frames - 1) / (count - 1)) for i in range(count)]


def per_second_indices(
    times_s: Sequence[float], per_second: float | Literal["all"], limit: int
) -> list[int]:
    """Return the first frame of each interval of ``1 / per_second`` seconds.

    ``times_s`` are the frames' times in seconds, ascending; intervals start at
    the first. ``"all"`` takes every frame. At most ``limit`` indices.

    >>> per_second_indices([0.0, 0.4, 0.8, 1.2, 1.6, 2.0], 1, 7)
    [0, 3, 5]
    """
    if per_second == "all":
        return list(range(min(len(times_s), limit)))
    taken: list[int] = []
    last_interval = -1
    for index, time_s in enumerate(times_s):
        # A time that falls on an edge but for rounding belongs to the next interval.
        interval = int((time_s - times_s[0]) * per_second + 1e-6)
        if interval > last_interval:
            taken.append(index)
            last_interval = interval
        if len(taken) == limit:
            break
    return taken


class Sampler:
    """Chooses the frames that a recipe asks for, and knows if it left some out."""

    def __init__(self, extract: ExtractConfig) -> None:
        """Take the policy and its numbers."""
        self._extract = extract
        self.has_cut = False
        """Whether ``per_second`` asked for more than ``frames_per_video``."""

    def choose(self, times_s: Sequence[float]) -> list[int]:
        """Return the frames to take, from the times in seconds of all there are.

        For ``keyframes`` those there are and those returned are keyframes alone.
        """
        extract, count = self._extract, len(times_s)
        limit = extract.frames_per_video
        if extract.policy == "stride":
            return stride_indices(count, extract.stride, limit)
        if extract.policy in ("spread", "keyframes"):
            return spread_indices(count, limit)
        wanted = per_second_indices(times_s, extract.per_second, count)
        self.has_cut = len(wanted) > limit
        return wanted[:limit]
