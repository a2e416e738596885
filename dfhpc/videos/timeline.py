"""The frames of a video and their times, learned without decoding where possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import VideoReadError
from dfhpc.videos.entry_points import entry_test
from dfhpc.videos.frames import ReadOptions
from dfhpc.videos.source import Source, check_duration

TIMED_FORMATS = frozenset({"mp4", "matroska", "webm", "mpegts"})
"""Containers whose packets bear the time of their frame; AVI, say, has it guessed."""

NO_TIME = -(2**63)
"""Stands for the time of a packet that has none, as in FFmpeg itself."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PacketOrder:
    """The packets of a video in the order of decoding, and its frames among them."""

    pts: Integers
    """Of each packet."""
    shown_as: Integers
    """Index of each packet's frame in display order, -1 for one never shown."""
    shown_pts: Integers
    """Of each frame, ascending."""
    position: Integers
    """Of each frame, the position of its packet."""
    begin: Integers
    """Of each frame, the position to begin with for it to be exact."""
    horizon: Integers
    """Of each frame, the last index that its packet or one before it is shown as."""

    def index_of(self, pts: int | None) -> int | None:
        """Return which frame has this time, None if none has."""
        if pts is None:
            return None
        index = int(np.searchsorted(self.shown_pts, pts))
        is_there = index < len(self.shown_pts) and self.shown_pts[index] == pts
        return index if is_there else None

    def needed(self, indices: Sequence[int]) -> NDArray[np.bool_]:
        """Return which packets are to be decoded for the frames at ``indices``.

        The first is always: there alone does x264 say which build it is, and FFmpeg
        reads what some builds wrote wrongly in another way.
        """
        steps = np.zeros(len(self.pts) + 1, np.int64)
        np.add.at(steps, self.begin[indices], 1)
        np.add.at(steps, self.position[indices] + 1, -1)
        needed = np.cumsum(steps)[:-1] > 0
        needed[:1] = True
        return needed


@dataclass(frozen=True)
class Timeline:
    """Frames in display order."""

    times_s: NDArray[np.float64]
    keyframes: Integers
    """Indices of those that the container calls so."""
    num_packets: int
    order: PacketOrder | None
    """None where the times of packets do not tell the frames apart."""

    def duration_s(self, fps: float | None) -> float:
        """Return the time of the last frame, and as long as one frame lasts."""
        last_s = float(self.times_s[-1])
        return round(last_s + (1 / fps if fps else 0.0), 6)


def read_timeline(source: Source, options: ReadOptions) -> Timeline:
    """Return the timeline of an open video; where it must be, by decoding it all.

    Raises
    ------
    VideoReadError
        When the video has no frame, or more packets or seconds than allowed.
    """
    scan = _scan(source, options)
    is_timed = TIMED_FORMATS & source.formats
    timeline = _timed(source, scan) if is_timed and scan.has_times else None
    if timeline is None:
        timeline = _decoded(source, len(scan.pts))
    if not len(timeline.times_s):
        raise VideoReadError(
            "no_frames", f"{source.path} holds no frame that can be read."
        )
    check_duration(source.path, float(timeline.times_s[-1]), options)
    return timeline


@dataclass(frozen=True)
class _Scan:
    """What packets tell, in the order of decoding."""

    pts: Integers
    is_shown: NDArray[np.bool_]
    is_keyframe: NDArray[np.bool_]
    is_entry: NDArray[np.bool_]
    """Which keyframes a decoder may begin with."""
    has_times: bool
    """Whether each that is shown has a time, and no two the same."""


def _scan(source: Source, options: ReadOptions) -> _Scan:
    pts: list[int | None] = []
    shown, keyframe, entry = bytearray(), bytearray(), bytearray()
    may_begin = entry_test(source.stream)
    for packet in source.packets():
        if not packet.size:
            continue
        if len(pts) == options.max_packets:
            raise VideoReadError(
                "too_long",
                f"{source.path} has more than {options.max_packets} packets; "
                "raise extract.max_packets for it.",
            )
        pts.append(packet.pts)
        # Packets outside the edit list are decoded but never shown.
        shown.append(not packet.is_discard)
        keyframe.append(packet.is_keyframe)
        entry.append(packet.is_keyframe and may_begin(packet))
    is_shown, is_keyframe, is_entry = (
        np.frombuffer(flags, np.bool_) for flags in (shown, keyframe, entry)
    )
    times = np.array([NO_TIME if value is None else value for value in pts], np.int64)
    own = times[is_shown]
    has_times = NO_TIME not in own and len(np.unique(own)) == len(own)
    return _Scan(times, is_shown, is_keyframe, is_entry, has_times)


def _timed(source: Source, scan: _Scan) -> Timeline:
    positions = np.flatnonzero(scan.is_shown)
    position = positions[np.argsort(scan.pts[positions], kind="stable")]
    shown_as = np.full(len(scan.pts), -1, np.int64)
    shown_as[position] = np.arange(len(position))
    pts = scan.pts[position]
    step_s = float(source.stream.time_base or 0)
    order = PacketOrder(
        pts=scan.pts,
        shown_as=shown_as,
        shown_pts=pts,
        position=position,
        begin=_begin(scan, shown_as, position),
        horizon=np.maximum.accumulate(shown_as)[position] if len(pts) else position,
    )
    keyframes = shown_as[scan.is_keyframe & scan.is_shown]
    return Timeline(
        times_s=np.asarray((pts - pts[:1]) * step_s, np.float64),
        keyframes=np.sort(keyframes),
        num_packets=len(scan.pts),
        order=order,
    )


def _begin(scan: _Scan, shown_as: Integers, position: Integers) -> Integers:
    """Return for each frame the position of the packet to begin with.

    The entry point before it; or the one before that, for a frame that is decoded
    after an entry point and shown before it: it may refer to both sides.
    """
    entries = np.union1d([0], np.flatnonzero(scan.is_entry))
    nearest = np.searchsorted(entries, position, side="right") - 1
    is_leading = shown_as[position] < shown_as[entries[nearest]]
    begin: Integers = entries[np.maximum(nearest - is_leading, 0)]
    return begin


def _decoded(source: Source, num_packets: int) -> Timeline:
    """Count frames by decoding them all: packets without times leave no other way.

    From a file opened anew: to seek back to its start is not exact in MPEG-1.
    """
    source.reopen()
    times: list[float | None] = []
    keyframes = []
    for packet in source.packets():
        for frame in source.decode(packet) or ():
            if frame.key_frame:
                keyframes.append(len(times))
            times.append(frame.time)
    known = [time_s for time_s in times if time_s is not None]
    if len(known) < len(times) or any(b <= a for a, b in pairwise(known)):
        rate = source.rate or 25
        known = [index / rate for index in range(len(times))]
    array = np.array(known, np.float64)
    return Timeline(
        times_s=array - array[:1],
        keyframes=np.array(keyframes, np.int64),
        num_packets=num_packets,
        order=None,
    )
