"""Reading a video as the settings say, and what of that is recorded."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dfhpc.config import ExtractConfig
from dfhpc.faces.crop import Box
from dfhpc.faces.detector import Detection
from dfhpc.videos.decoder import DecoderLimits, get_decoder
from dfhpc.videos.frames import Choose, FrameStream, ReadOptions, VideoFacts
from dfhpc.videos.images import is_image_source, read_images

_OWN_FIELDS = (
    *("codec", "width", "height", "num_frames"),
    *("num_damaged_packets", "num_corrupt_frames"),
)

_FILE_FIELDS = (
    *("container", "pixel_format", "bit_depth", "has_alpha", "fps"),
    *("sample_aspect_ratio", "rotation", "is_interlaced", "duration_s", "is_truncated"),
)


def read_video(
    path: Path, images: Sequence[str], choose: Choose, extract: ExtractConfig
) -> FrameStream:
    """Return the frames of a video that ``choose`` takes, decoded elsewhere.

    Images on disk, which ``images`` name or ``path`` is or holds, are read here.

    Under the policy ``keyframes`` it is asked about keyframes alone.

    Raises
    ------
    VideoReadError
        When it cannot be read, or is beyond the limits of ``extract``.
    """
    if is_image_source(path, images):
        return read_images(path, images, choose)[1]
    limits = _limits(extract, keyframes_only=extract.policy == "keyframes")
    return get_decoder().read(path, choose, limits)[1]


def read_again(
    path: Path, images: Sequence[str], choose: Choose, extract: ExtractConfig
) -> FrameStream:
    """Return frames of a video that was read before, ``choose`` being asked of all.

    Raises
    ------
    VideoReadError
        As ``read_video`` does.
    """
    if is_image_source(path, images):
        return read_images(path, images, choose)[1]
    limits = _limits(extract, keyframes_only=False)
    return get_decoder().read(path, choose, limits)[1]


def _limits(extract: ExtractConfig, *, keyframes_only: bool) -> DecoderLimits:
    return DecoderLimits(
        time_limit_s=extract.time_limit_s,
        max_bytes=extract.max_decoder_bytes,
        read=ReadOptions(
            keyframes_only=keyframes_only,
            max_pixels=extract.max_pixels,
            max_duration_s=extract.max_duration_s,
            max_packets=extract.max_packets,
        ),
    )


def recorded(facts: VideoFacts) -> dict[str, Any]:
    """Return the facts as fields of a VideoRecord."""
    fields = {name: getattr(facts, name) for name in _OWN_FIELDS}
    return fields | {"file": {name: getattr(facts, name) for name in _FILE_FIELDS}}


def in_file_pixels(found: Detection, scale: tuple[float, float]) -> Detection:
    """Return a face of a scaled frame where it is in the frame as the file has it.

    >>> face = Detection((10, 20, 30, 40), 1.0, ((15.0, 25.0),))
    >>> in_file_pixels(face, (2.0, 2.0))
    Detection(box=(20, 40, 60, 80), confidence=1.0, landmarks=((30.0, 50.0),))
    """
    if scale == (1.0, 1.0):
        return found
    (across, down), (x, y, width, height) = scale, found.box
    left, right = round(x * across), round((x + width) * across)
    top, bottom = round(y * down), round((y + height) * down)
    points = found.landmarks
    if points is not None:
        points = tuple((px * across, py * down) for px, py in points)
    return replace(found, box=(left, top, right - left, bottom - top), landmarks=points)


def in_shown_pixels(box: Box, scale: tuple[float, float]) -> Box:
    """Return where a box of the file is in a frame that was scaled down.

    >>> in_shown_pixels((20, 40, 60, 80), (2.0, 2.0))
    (10, 20, 30, 40)
    """
    (across, down), (x, y, width, height) = scale, box
    left, right = round(x / across), round((x + width) / across)
    top, bottom = round(y / down), round((y + height) / down)
    return left, top, right - left, bottom - top
