"""A video file, opened: its best stream of moving pictures, within limits."""

import errno
import logging
import stat
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dfhpc.errors import VideoReadError
from dfhpc.videos.frames import ReadOptions, VideoFacts

logger = logging.getLogger(__name__)

FORMATS = frozenset(
    {"asf", "avi", "dv", "flv", "gif", "h264", "hevc", "ivf", "m4v"}
    | {"matroska", "mov", "mpeg", "mpegts", "mpegvideo", "mxf", "nut"}
    | {"obu", "ogg", "rm", "wtv", "yuv4mpegpipe"}
)
"""Names of FFmpeg's readers that may be used.

Others would take a picture or a text for a video, and a playlist would have any file
of this machine read in place of its own.
"""


class Source:
    """An open video file and the stream of it that is read.

    Raises
    ------
    VideoReadError
        When the file is absent, no video, or larger than ``options`` allow.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        """Open ``path``."""
        self.path = path
        self._options = options
        self._found = _check_file(path)
        self.open()

    def open(self) -> None:
        """Open the file, also once more to read it from its start."""
        self.container = _opened(self.path)
        try:
            self.stream = _video_stream(self.path, self.container)
            # A picture may claim to be larger than the header said.
            limit = {"max_pixels": str(self._options.max_pixels)}
            self.stream.codec_context.options = limit
            self._check_size()
        except VideoReadError:
            self.container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.container.close()

    def reopen(self) -> None:
        """Start anew with a fresh decoder."""
        self.container.close()
        self.open()

    def check_unchanged(self) -> None:
        """Refuse what was read if the file is another now, or is still written to."""
        if _check_file(self.path) != self._found:
            raise VideoReadError("changed", f"{self.path} changed while it was read.")

    @property
    def formats(self) -> set[str]:
        """Names of the container's format."""
        return set(self.container.format.name.split(","))

    @property
    def rate(self) -> float | None:
        """Frames a second as the container states them, None if it does not."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(rate) if rate else None

    def packets(self) -> "Iterator[Packet[VideoStream]]":
        """Yield the stream's packets up to the end, or to where the file breaks."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                raise_if_memory(error, self.path)
                logger.debug("Stopped reading packets: %s", error)
                return
            yield packet

    def decode(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame] | None:
        """Return the frames that come out for ``packet``, or None: it is damaged.

        Without a packet, what the decoder still holds.
        """
        try:
            frames = self.stream.decode(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise_if_memory(error, self.path)
            logger.debug("Damaged packet: %s", error)
            return None
        return [frame for frame in frames if isinstance(frame, VideoFrame)]

    def facts(self, num_frames: int, num_packets: int) -> VideoFacts:
        """Return what is known before any frame is decoded."""
        context, stream = self.stream.codec_context, self.stream
        components = context.format.components if context.format else ()
        shape = stream.sample_aspect_ratio or context.sample_aspect_ratio
        return VideoFacts(
            codec=context.name,
            width=context.width,
            height=context.height,
            num_frames=num_frames,
            # The count in an MP4 is that of its sample table; elsewhere a guess.
            is_truncated="mp4" in self.formats and stream.frames > num_packets,
            container=self.container.format.name,
            pixel_format=context.pix_fmt or "",
            bit_depth=max((part.bits for part in components), default=8),
            # VP8 and VP9 keep it beside the picture, where only the tag tells.
            has_alpha=any(part.is_alpha for part in components)
            or stream.metadata.get("alpha_mode") == "1",
            fps=self.rate,
            sample_aspect_ratio=_ratio_text(shape),
        )

    def _check_size(self) -> None:
        context, limits = self.stream.codec_context, self._options
        if context.width * context.height > limits.max_pixels:
            raise VideoReadError(
                "too_large",
                f"{self.path} has frames of {context.width} x {context.height}, more "
                f"than {limits.max_pixels} pixels; raise extract.max_pixels for it.",
            )
        stream = self.stream
        duration_s = float((stream.duration or 0) * (stream.time_base or 0))
        check_duration(self.path, duration_s, limits)


def check_duration(path: Path, duration_s: float, limits: ReadOptions) -> None:
    """Refuse a video that is longer than ``limits`` allow."""
    if duration_s > limits.max_duration_s:
        raise VideoReadError(
            "too_long",
            f"{path} lasts {duration_s:.0f} s, more than {limits.max_duration_s:.0f}; "
            "raise extract.max_duration_s for it.",
        )


def raise_if_memory(error: Exception, path: Path) -> None:
    """Turn a failed allocation into what it is: no damage, but too little room."""
    if isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM:
        raise VideoReadError(
            "out_of_memory",
            out_of_memory_text(path),
        ) from error


def out_of_memory_text(path: Path) -> str:
    """Return what is said of a video for which memory does not suffice."""
    return (
        f"{path} asks for more memory than a decoder may have; raise "
        "extract.max_decoder_bytes if it is sound."
    )


def _opened(path: Path) -> InputContainer:
    try:
        return av.open(
            str(path),
            mode="r",
            metadata_errors="replace",
            # Not ``options``: with them PyAV 15 crashes where streams come late.
            container_options={
                "format_whitelist": ",".join(sorted(FORMATS)),
                "protocol_whitelist": "file",
            },
        )
    except PermissionError as error:
        raise VideoReadError("forbidden", f"{path} may not be read.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise_if_memory(error, path)
        why = getattr(error, "strerror", None) or str(error)
        raise VideoReadError("not_a_video", f"{path} is no video: {why}.") from error


def _check_file(path: Path) -> tuple[int, ...]:
    """Return what tells whether a file has changed; refuse what is none.

    To read a pipe, say, would be to wait for ever.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise VideoReadError("missing", f"{path} does not exist.") from None
    except PermissionError as error:
        raise VideoReadError("forbidden", f"{path} may not be read.") from error
    except (OSError, ValueError) as error:
        raise VideoReadError("missing", f"{path} cannot be found: {error}.") from error
    if stat.S_ISDIR(found.st_mode):
        raise VideoReadError("not_a_file", f"{path} is a folder; name its videos.")
    if not stat.S_ISREG(found.st_mode):
        raise VideoReadError("not_a_file", f"{path} is no regular file.")
    if found.st_size == 0:
        raise VideoReadError("empty", f"{path} is empty (0 bytes).")
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return the largest stream of moving pictures; cover art is none.

    Of several, one that is marked as default goes before others, as for players.
    """
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise VideoReadError("no_video_stream", f"{path} holds no video stream.")
    # What is unknown to FFmpeg has no context, whatever the types say.
    known = [stream for stream in streams if getattr(stream, "codec_context", None)]
    if not known:
        raise VideoReadError("no_decoder", f"{path} has a codec without a decoder.")
    stream = max(known, key=_rank)
    # One thread a video: many videos at a time use the cores better.
    stream.codec_context.thread_count = 1
    stream.codec_context.thread_type = "SLICE"
    return stream


def _rank(stream: VideoStream) -> tuple[bool, int]:
    context = stream.codec_context
    is_default = bool(stream.disposition & Disposition.default)
    return is_default, context.width * context.height


def _ratio_text(shape: Fraction | None) -> str:
    """Return the shape of a pixel, 1:1 where none is stated.

    >>> _ratio_text(Fraction(64, 45))
    '64:45'
    """
    return f"{shape.numerator}:{shape.denominator}" if shape else "1:1"
