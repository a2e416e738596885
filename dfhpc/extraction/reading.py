"""Reading a video as the settings say, and what of that is recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dfhpc.config import ExtractConfig
from dfhpc.faces.detector import Detection
from dfhpc.videos.decoder import DecoderLimits, get_decoder
from dfhpc.videos.frames import FrameStream, ReadOptions, VideoFacts
from dfhpc.videos.sampling import Sampler

_OWN_FIELDS = (
    *("codec", "width", "height", "num_frames"),
    *("num_damaged_packets", "num_corrupt_frames"),
)

_FILE_FIELDS = (
    *("container", "pixel_format", "bit_depth", "has_alpha", "fps"),
    *("sample_aspect_ratio", "rotation", "is_interlaced"),
)


def read_video(path: Path, sampler: Sampler, extract: ExtractConfig) -> FrameStream:
    """Return the frames of a video that ``sampler`` chooses, decoded elsewhere.

    Raises
    ------
    VideoReadError
        When it cannot be read, or is beyond the limits of ``extract``.
    """
    limits = DecoderLimits(
        time_limit_s=extract.time_limit_s,
        max_bytes=extract.max_decoder_bytes,
        read=ReadOptions(
            keyframes_only=extract.policy == "keyframes",
            max_pixels=extract.max_pixels,
            max_duration_s=extract.max_duration_s,
            max_packets=extract.max_packets,
        ),
    )
    _, frames = get_decoder().read(path, sampler.choose, limits)
    return frames


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
