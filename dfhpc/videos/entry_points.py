"""Which packets a decoder may begin with, so that what follows is exact.

Containers flag keyframes, but not alike: an MP4 without a table of them flags every
packet, and a gradual refresh is flagged too. H.264 and HEVC say in the packet itself
whether it resets the decoder.
"""

from collections.abc import Callable, Iterator

from av.packet import Packet
from av.video.stream import VideoStream

MOST_BYTES = 65_536
"""Of a packet are searched: parameters and messages come before the picture."""

_FRESH_KEYFRAMES = frozenset({"vp8", "vp9", "libvpx-vp9", "av1", "libdav1d"})
"""Codecs whose keyframes forget all frames before them."""

_AFTER_KEYFRAME = frozenset({"mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs whose frames shown after a keyframe do not refer to any before it."""

IsEntry = Callable[["Packet[VideoStream]"], bool]


def entry_test(stream: VideoStream) -> IsEntry:
    """Return whether a packet of ``stream`` flagged as keyframe may be begun with."""
    context = stream.codec_context
    name, extra = context.name, context.extradata or b""
    if name == "h264":
        return lambda packet: _first_slice(packet, _nal_size(extra, 4), _h264) == 5
    if name == "hevc":
        # All random access pictures: 16 to 21. What is shown before them is not exact.
        return lambda packet: (
            16 <= _first_slice(packet, _nal_size(extra, 21), _hevc) <= 21
        )
    if context.codec.intra_only or name in _FRESH_KEYFRAMES | _AFTER_KEYFRAME:
        return lambda packet: True
    return lambda packet: False


def _h264(byte: int) -> int:
    """Return the type of a slice, -1 for other units.

    >>> _h264(0x65), _h264(0x67)
    (5, -1)
    """
    kind = byte & 0x1F
    return kind if 1 <= kind <= 5 else -1


def _hevc(byte: int) -> int:
    """Return the type of a slice, -1 for parameters and messages."""
    kind = byte >> 1 & 0x3F
    return kind if kind < 32 else -1


def _nal_size(extradata: bytes, at: int) -> int:
    """Return how many bytes tell the length of a unit; 0: start codes part them."""
    if len(extradata) <= at or extradata[0] != 1:
        return 0
    return (extradata[at] & 3) + 1


def _first_slice(
    packet: "Packet[VideoStream]", size: int, kind_of: Callable[[int], int]
) -> int:
    data = bytes(memoryview(packet)[:MOST_BYTES])
    units = _by_length(data, size) if size else _by_start_code(data)
    return next((kind for at in units if (kind := kind_of(data[at])) >= 0), -1)


def _by_length(data: bytes, size: int) -> Iterator[int]:
    """Yield where each unit begins, behind its length in ``size`` bytes.

    >>> list(_by_length(bytes([0, 2, 7, 7, 0, 1, 5]), 2))
    [2, 6]
    """
    at = size
    while at < len(data):
        yield at
        at += int.from_bytes(data[at - size : at], "big") + size


def _by_start_code(data: bytes) -> Iterator[int]:
    r"""Yield where each unit begins, behind its start code.

    >>> list(_by_start_code(b"\0\0\0\1\x67abc\0\0\1\x65"))
    [4, 11]
    """
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        yield at + 3
        at = data.find(b"\0\0\1", at + 3)
