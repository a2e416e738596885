"""What a line of the manifest names, opened: a video file, or images on disk."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dfhpc.videos.decoding import Frame, VideoFacts, read_frames
from dfhpc.videos.images import is_image_source, read_images


def read_source(
    path: Path, images: Sequence[str], choose: Callable[[Sequence[float]], list[int]]
) -> tuple[VideoFacts, Iterator[Frame]]:
    """Return facts of a video and its frames at the indices ``choose`` returns.

    Raises
    ------
    VideoReadError
        When there is nothing to read.
    """
    if is_image_source(path, images):
        return read_images(path, images, choose)
    return read_frames(path, choose)
