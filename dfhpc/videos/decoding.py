"""Decoding: the wanted frames of a video, exactly, and no more work than they need.

A first pass reads packets without decoding them: it counts the frames and learns
their times. A second decodes, from the last point that a decoder may begin at before
a wanted frame up to that frame; in between, frames that are neither wanted nor
referred to are left out where the codec allows it.
"""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dfhpc.errors import VideoReadError
from dfhpc.videos.damage import Damage
from dfhpc.videos.frames import Choose, Frame, FrameStream, ReadOptions, VideoFacts
from dfhpc.videos.picture import quarter_turns, to_rgb
from dfhpc.videos.source import Source, raise_if_memory
from dfhpc.videos.timeline import NO_TIME, PacketOrder, Timeline, read_timeline

SKIPPABLE_CODECS = frozenset({"h264", "hevc"})
"""Codecs whose decoders drop unreferenced frames on request and stay exact."""

_Found = Iterator[tuple[int, VideoFrame | None]]
"""Index and frame, in display order; None for one that is not clean."""


def read_frames(
    path: Path, choose: Choose, options: ReadOptions | None = None
) -> tuple[VideoFacts, FrameStream]:
    """Return facts of the video, and its frames at the indices ``choose`` returns.

    ``choose`` gets the times of all frames in seconds, or with
    ``options.keyframes_only`` those of keyframes, and says which of these it wants.
    One Frame comes for each, ascending. Decodes in this process: see
    ``dfhpc.videos.decoder`` for where a file can do no harm.

    Raises
    ------
    VideoReadError
        When the file is absent, no video, holds no frame or is beyond ``options``.
    """
    options = options or ReadOptions()
    source = Source(path, options)
    try:
        facts, timeline = look_at(source, options)
        indices = wanted_indices(
            timeline, choose(candidates(timeline, options)), options
        )
    except BaseException:
        source.container.close()
        raise
    return facts, FrameStream(facts, decode_frames(source, facts, timeline, indices))


def look_at(source: Source, options: ReadOptions) -> tuple[VideoFacts, Timeline]:
    """Return what is to be known of a video before frames are chosen."""
    timeline = read_timeline(source, options)
    facts = source.facts(len(timeline.times_s), timeline.num_packets)
    return replace(facts, duration_s=timeline.duration_s(facts.fps)), timeline


def candidates(timeline: Timeline, options: ReadOptions) -> list[float]:
    """Return the times in seconds of the frames that may be chosen."""
    times = timeline.times_s
    found: list[float] = (
        times[timeline.keyframes] if options.keyframes_only else times
    ).tolist()
    return found


def wanted_indices(
    timeline: Timeline, chosen: Sequence[int], options: ReadOptions
) -> list[int]:
    """Return the frames that are meant by positions among the candidates."""
    unique = sorted(set(chosen))
    if not options.keyframes_only:
        return unique
    return [int(timeline.keyframes[position]) for position in unique]


def decode_frames(
    source: Source, facts: VideoFacts, timeline: Timeline, indices: Sequence[int]
) -> Generator[Frame, None, VideoFacts]:
    """Yield a Frame for each index, in order; return the completed facts.

    Closes ``source`` in the end.
    """
    damage, pending = Damage(), deque(indices)
    seen = facts
    with source, _memory_told(source.path):
        for index, decoded in _found(source, timeline, indices, damage):
            while pending and pending[0] < index:
                yield _missing(pending.popleft(), timeline)
            if pending and pending[0] == index:
                if decoded is not None:
                    seen = _noted(seen, decoded)
                yield _frame(pending.popleft(), decoded, timeline)
            if not pending:
                break
        source.check_unchanged()
    for index in pending:
        yield _missing(index, timeline)
    return replace(
        seen,
        num_damaged_packets=damage.num_packets,
        num_corrupt_frames=damage.num_frames,
    )


@contextlib.contextmanager
def _memory_told(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise_if_memory(error, path)


def _noted(facts: VideoFacts, frame: VideoFrame) -> VideoFacts:
    """Return the facts with what only a frame tells."""
    is_interlaced = facts.is_interlaced or bool(frame.interlaced_frame)
    turned = 90 * quarter_turns(frame)
    if (turned, is_interlaced) == (facts.rotation, facts.is_interlaced):
        return facts
    return replace(facts, rotation=turned, is_interlaced=is_interlaced)


def _missing(index: int, timeline: Timeline) -> Frame:
    return Frame(index, float(timeline.times_s[index]), None)


def _frame(index: int, decoded: VideoFrame | None, timeline: Timeline) -> Frame:
    if decoded is None or (pixels := to_rgb(decoded)) is None:
        return _missing(index, timeline)
    width, height = decoded.width, decoded.height
    if quarter_turns(decoded) % 2:
        width, height = height, width
    return Frame(index, float(timeline.times_s[index]), pixels, width, height)


def _found(
    source: Source, timeline: Timeline, indices: Sequence[int], damage: Damage
) -> _Found:
    """Yield frames, the wanted ones among them, until all were there."""
    if not indices:
        return
    if timeline.order is None:
        yield from _counted(source, damage)
    else:
        yield from _Ordered(source, timeline.order, indices, damage).frames()


def _counted(source: Source, damage: Damage) -> _Found:
    """Yield all frames from the first on, known by their number alone."""
    source.reopen()
    index, is_clean = 0, True
    for packet in source.packets():
        frames = source.decode(packet)
        if frames is None or packet.is_corrupt:
            damage.num_packets += 1
            is_clean = False
        for frame in frames or ():
            is_clean = not frame.is_corrupt and (is_clean or bool(frame.key_frame))
            damage.num_frames += not is_clean
            yield index, frame if is_clean else None
            index += 1


class _Ordered:
    """Decodes the packets that wanted frames need, known by their times."""

    def __init__(
        self,
        source: Source,
        order: PacketOrder,
        indices: Sequence[int],
        damage: Damage,
    ) -> None:
        self._source = source
        self._order = order
        self._wanted = frozenset(indices)
        self._needed = order.needed(indices)
        self._damage = damage
        self._held: deque[tuple[int, VideoFrame | None]] = deque()
        self._shown = -1
        """The last frame that came out of the decoder."""

    def frames(self) -> _Found:
        """Yield the wanted frames, and no others."""
        is_running = False
        last = int(self._needed.nonzero()[0][-1])
        for position, packet in enumerate(self._packets()):
            self._check(position, packet)
            if self._needed[position]:
                yield from self._step(position, packet)
                is_running = True
            elif is_running:
                yield from self._drain()
                is_running = False
            if position == last:
                break
        yield from self._drain()

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """Yield packets from the start; without opening the file again if possible.

        In an MP4 every packet is found by its number, so that to go back is exact.
        """
        source = self._source
        if "mp4" in source.formats:
            try:
                start = int(self._order.shown_pts[0])
                source.container.seek(start, stream=source.stream)
            except (av.error.FFmpegError, OSError):
                pass
            else:
                packets = _sized(source)
                first = next(packets, None)
                if first is not None and first.pts == self._order.pts[0]:
                    return chain([first], packets)
        source.reopen()
        return _sized(source)

    def _check(self, position: int, packet: "Packet[VideoStream]") -> None:
        pts = NO_TIME if packet.pts is None else packet.pts
        if position >= len(self._order.pts) or pts != self._order.pts[position]:
            self._source.check_unchanged()
            path = self._source.path
            raise VideoReadError("inconstant", f"{path} reads otherwise each time.")

    def _step(self, position: int, packet: "Packet[VideoStream]") -> _Found:
        context = self._source.stream.codec_context
        if context.name in SKIPPABLE_CODECS:
            keep = int(self._order.shown_as[position]) in self._wanted
            context.skip_frame = "DEFAULT" if keep else "NONREF"
        frames = self._source.decode(packet)
        if frames is None or packet.is_corrupt:
            self._damage.num_packets += 1
            self._damage.mark(position)
        yield from self._take(frames or ())

    def _drain(self) -> _Found:
        """Yield what the decoder still holds, and make it ready to begin anew."""
        yield from self._take(self._source.decode(None) or ())
        yield from self._release(is_all=True)
        self._source.stream.codec_context.flush_buffers()

    def _take(self, frames: Sequence[VideoFrame]) -> _Found:
        for frame in frames:
            index = self._order.index_of(frame.pts)
            if index is None:
                continue
            if frame.is_corrupt:
                self._damage.mark(int(self._order.position[index]))
            self._held.append((index, frame if index in self._wanted else None))
            self._shown = max(self._shown, index)
        yield from self._release(is_all=False)

    def _release(self, *, is_all: bool) -> _Found:
        """Yield frames that are known to be clean or not.

        Shown before a frame that it refers to, one must wait for that frame's flag.
        """
        while self._held:
            index, frame = self._held[0]
            if not is_all and self._order.horizon[index] > self._shown:
                return
            self._held.popleft()
            is_clean = not self._damage.touches(self._order, index)
            self._damage.num_frames += not is_clean
            if index in self._wanted:
                yield index, frame if is_clean else None


def _sized(source: Source) -> "Iterator[Packet[VideoStream]]":
    """Yield packets without the empty ones, which only flush the decoder."""
    return (packet for packet in source.packets() if packet.size)
