"""Decoding: the wanted frames of a video, exactly, and no more work than they need.

A first pass reads packets without decoding them: it counts the frames and learns
their times. A second decodes up to the last wanted frame; where packets bear
unique times, frames that are neither wanted nor referred to are not decoded.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from dfhpc.errors import VideoReadError

logger = logging.getLogger(__name__)

SKIPPABLE_CODECS = frozenset({"h264", "hevc"})
"""Codecs whose decoders drop unreferenced frames on request and stay exact."""


TIMED_FORMATS = frozenset({"mp4", "matroska", "webm", "mpegts"})
"""Containers whose packets bear the time of their frame; AVI, say, has it guessed."""


@dataclass(frozen=True)
class Frame:
    """A sampled frame; ``pixels`` is None where it could not be decoded cleanly."""

    index: int
    time_s: float
    pixels: NDArray[np.uint8] | None
    """RGB, (height, width, 3), upright."""
    name: str = ""
    """Of the image file, where the video lies as images."""


@dataclass(frozen=True)
class VideoFacts:
    """What reading a video showed."""

    codec: str
    width: int
    height: int
    num_frames: int
    """Frames that the file holds, counted; what its header says is not trusted."""
    is_truncated: bool
    """Whether the file ends before the frames that its own index lists."""


@dataclass(frozen=True)
class _Timeline:
    """Frames in display order."""

    times_s: tuple[float, ...]
    index_of_pts: dict[int, int] | None
    """None where the times of packets do not tell the frames apart."""
    num_packets: int


def read_frames(
    path: Path, choose: Callable[[Sequence[float]], list[int]]
) -> tuple[VideoFacts, Iterator[Frame]]:
    """Return facts of the video, and its frames at the indices ``choose`` returns.

    ``choose`` gets the times of all frames in seconds. The iterator yields one
    Frame for each chosen index, ascending.

    Raises
    ------
    VideoReadError
        When the file is absent, no video, or holds no frame.
    """
    with _opened(path) as container:
        stream = _video_stream(path, container)
        timeline = _packet_timeline(container, stream)
        facts = _facts(container, stream, timeline)
    if timeline.index_of_pts is None:
        timeline = _decoded_timeline(path, timeline.num_packets)
        facts = replace(facts, num_frames=len(timeline.times_s))
    if not timeline.times_s:
        raise VideoReadError("no_frames", f"{path} holds no frame that can be read.")
    indices = sorted(set(choose(timeline.times_s)))
    return facts, _iter_frames(path, indices, timeline)


def _opened(path: Path) -> InputContainer:
    if path.is_dir():
        raise VideoReadError("not_a_file", f"{path} is a folder; name its videos.")
    if not path.exists():
        raise VideoReadError("missing", f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise VideoReadError("empty", f"{path} is empty (0 bytes).")
    try:
        return av.open(str(path), mode="r", metadata_errors="replace")
    except PermissionError as error:
        raise VideoReadError("forbidden", f"{path} may not be read.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise VideoReadError("not_a_video", f"{path} is no video: {why}.") from error


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return the best stream of moving pictures; cover art is none."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise VideoReadError("no_video_stream", f"{path} holds no video stream.")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    assert isinstance(stream, VideoStream)
    if stream.codec_context is None:
        raise VideoReadError("no_decoder", f"{path} has a codec without a decoder.")
    # One thread a video: many videos at a time use the cores better.
    stream.codec_context.thread_count = 1
    stream.codec_context.thread_type = "SLICE"
    return stream


def _facts(
    container: InputContainer, stream: VideoStream, timeline: _Timeline
) -> VideoFacts:
    context = stream.codec_context
    # The count in an MP4 is that of its sample table; elsewhere it is a guess.
    has_table = "mp4" in container.format.name.split(",")
    return VideoFacts(
        codec=context.name,
        width=context.width,
        height=context.height,
        num_frames=len(timeline.times_s),
        is_truncated=has_table and stream.frames > timeline.num_packets,
    )


def _packet_timeline(container: InputContainer, stream: VideoStream) -> _Timeline:
    """Learn how many frames there are and when without decoding, where possible."""
    times = [
        (packet.pts, packet.is_discard)
        for packet in _packets(container, stream)
        if packet.size
    ]
    # Packets outside the edit list are decoded but never shown.
    pts = [pts for pts, is_discard in times if not is_discard]
    ordered = sorted(value for value in pts if value is not None)
    is_timed = TIMED_FORMATS & set(container.format.name.split(","))
    if is_timed and len(set(ordered)) == len(pts):
        step_s = float(stream.time_base or 0)
        return _Timeline(
            times_s=tuple((value - ordered[0]) * step_s for value in ordered),
            index_of_pts={value: index for index, value in enumerate(ordered)},
            num_packets=len(times),
        )
    return _Timeline((), None, len(times))


def _decoded_timeline(path: Path, num_packets: int) -> _Timeline:
    """Count frames by decoding them all: packets without times leave no other way.

    From a file opened anew: to seek back to its start is not exact in MPEG-1.
    """
    with _opened(path) as container:
        stream = _video_stream(path, container)
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        times = [frame.time for frame in _decoded(container, stream)]
    known = [time_s for time_s in times if time_s is not None]
    if len(known) < len(times) or any(b <= a for a, b in pairwise(known)):
        known = [index / rate for index in range(len(times))]
    first = known[0] if known else 0.0
    return _Timeline(tuple(time_s - first for time_s in known), None, num_packets)


def _packets(
    container: InputContainer, stream: VideoStream
) -> "Iterator[Packet[VideoStream]]":
    """Yield the packets of ``stream`` up to the end, or to where the file breaks."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError) as error:
            logger.debug("Stopped reading packets: %s", error)
            return
        yield packet


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield every frame that decodes; a damaged packet costs its own frames only."""
    for packet in _packets(container, stream):
        yield from _decode(packet)


def _decode(packet: "Packet[VideoStream]") -> list[VideoFrame]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except (av.error.FFmpegError, OSError) as error:
        logger.debug("Damaged packet: %s", error)
        return []


def _iter_frames(
    path: Path, indices: list[int], timeline: _Timeline
) -> Iterator[Frame]:
    """Yield a Frame for each index, in order, those not found without pixels."""
    pending = list(indices)
    with _opened(path) as container:
        stream = _video_stream(path, container)
        for index, decoded in _indexed(container, stream, set(indices), timeline):
            while pending and pending[0] < index:
                yield _missing(pending.pop(0), timeline)
            if pending and pending[0] == index:
                yield Frame(pending.pop(0), timeline.times_s[index], _to_rgb(decoded))
            if not pending:
                return
    for index in pending:
        yield _missing(index, timeline)


def _missing(index: int, timeline: _Timeline) -> Frame:
    return Frame(index, timeline.times_s[index], None)


def _indexed(
    container: InputContainer,
    stream: VideoStream,
    wanted: set[int],
    timeline: _Timeline,
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield decoded frames with their index, in display order."""
    index_of_pts = timeline.index_of_pts
    if index_of_pts is None:
        yield from enumerate(_decoded(container, stream))
        return
    context = stream.codec_context
    can_skip = context.name in SKIPPABLE_CODECS
    for packet in _packets(container, stream):
        if can_skip:
            # The flush packet at the end has no time and must drop nothing.
            keep = packet.pts is None or index_of_pts.get(packet.pts) in wanted
            context.skip_frame = "DEFAULT" if keep else "NONREF"
        for frame in _decode(packet):
            if frame.pts in index_of_pts:
                yield index_of_pts[frame.pts], frame


def _to_rgb(frame: VideoFrame) -> NDArray[np.uint8] | None:
    """Return the picture as RGB uint8 (height, width, 3), upright, if it is clean."""
    if frame.is_corrupt:
        return None
    try:
        pixels = frame.to_ndarray(format="rgb24")
    except (av.error.FFmpegError, ValueError) as error:
        logger.debug("Frame without a picture: %s", error)
        return None
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns))
