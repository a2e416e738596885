"""Videos encoded once more, as each upload and each messenger does."""

import contextlib
import fractions
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import VideoReadError

CODEC = "libx264"

DEFAULT_FPS = 25.0
"""Where the container states none."""


def can_encode() -> bool:
    """Whether this PyAV has the encoder."""
    return CODEC in av.codecs_available


def reencode(
    frames: Iterable[NDArray[np.uint8]], targets: Mapping[int, Path], fps: float | None
) -> None:
    """Write RGB frames to MP4 files, one for each CRF in ``targets``, in one pass.

    Frames of odd sizes get a line or column more. The same frames give the same bytes.

    Raises
    ------
    VideoReadError
        When the frames are not all of one size.
    """
    rate = fractions.Fraction(fps or DEFAULT_FPS).limit_denominator(1001)
    writers: list[tuple[Any, Any]] = []
    shape: tuple[int, ...] | None = None
    with contextlib.ExitStack() as stack:
        for pixels in frames:
            if shape is None:
                shape = pixels.shape
                writers = [
                    _open(stack, path, crf, rate, shape)
                    for crf, path in targets.items()
                ]
            if pixels.shape != shape:
                raise VideoReadError(
                    "changes_size", f"The frames change from {shape} to {pixels.shape}."
                )
            even = np.pad(
                pixels, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge"
            )
            picture = av.VideoFrame.from_ndarray(even, format="rgb24")
            for container, stream in writers:
                container.mux(stream.encode(picture))
        for container, stream in writers:
            container.mux(stream.encode(None))


def _open(
    stack: contextlib.ExitStack,
    path: Path,
    crf: int,
    rate: fractions.Fraction,
    shape: tuple[int, ...],
) -> tuple[Any, Any]:
    container = stack.enter_context(av.open(str(path), "w", format="mp4"))
    # PyAV's types do not know that the stream of a video codec is one of video.
    stream: Any = container.add_stream(CODEC, rate=rate)
    stream.height, stream.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    stream.pix_fmt = "yuv420p"
    # One thread and no macroblock tree, or x264's bytes differ from run to run.
    stream.options = {
        "crf": str(crf),
        "preset": "veryfast",
        "threads": "1",
        "x264-params": "mbtree=0",
    }
    return container, stream
