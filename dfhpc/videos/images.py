"""Images on disk as the frames of a video: a folder of them, some, or one."""

import contextlib
import logging
import re
import struct
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import IMAGE_SUFFIXES
from dfhpc.errors import VideoReadError
from dfhpc.videos.frames import Choose, Frame, FrameStream, VideoFacts

if TYPE_CHECKING:
    from PIL import Image

logger = logging.getLogger(__name__)

FORMATS = ("BMP", "JPEG", "PNG", "WEBP")
MAX_PIXELS = 150_000_000
"""Larger images are not decoded: a few kilobytes may claim to be gigabytes."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)
"""What Pillow raises for damaged files."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class _Facts:
    codec: str
    width: int
    height: int


def is_image_source(path: Path, names: Sequence[str]) -> bool:
    """Whether a manifest's path and images are for this module, not for a decoder."""
    return bool(names) or path.suffix.lower() in IMAGE_SUFFIXES or path.is_dir()


def is_image_name(name: str) -> bool:
    """Whether a file counts as an image, by its name.

    >>> is_image_name("a/b.JPG"), is_image_name(".b.jpg"), is_image_name("b.mp4")
    (True, False, False)
    """
    base = name.rpartition("/")[2]
    return not base.startswith(".") and Path(base).suffix.lower() in IMAGE_SUFFIXES


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return what puts numbers in names in their order.

    >>> sorted(["f_10.png", "f_9.png"], key=natural_key)
    ['f_9.png', 'f_10.png']
    """
    parts = _DIGITS.split(name)
    # Every second part is a number, so that like is compared with like.
    return tuple(int(p) if at % 2 else p for at, p in enumerate(parts)), name


def image_files(path: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the images that a manifest's path and names stand for, in order.

    Raises
    ------
    VideoReadError
        When there is no such file or folder, or the folder holds no image.
    """
    if not path.exists():
        raise VideoReadError("missing", f"{path} does not exist.")
    if names:
        return [path / name for name in names]
    if not path.is_dir():
        return [path]
    try:
        found = [entry.name for entry in path.iterdir() if is_image_name(entry.name)]
    except OSError as error:
        raise VideoReadError("forbidden", f"{path} may not be read.") from error
    if not found:
        raise VideoReadError(
            "not_a_file", f"{path} is a folder without images; name its videos."
        )
    return [path / name for name in sorted(found, key=natural_key)]


def read_images(
    path: Path, names: Sequence[str], choose: Choose
) -> tuple[VideoFacts, FrameStream]:
    """Return facts of a video that lies as images, and its chosen frames.

    As ``decoding.read_frames``. Images bear no times, so they count as one a second.
    One that is broken or gone is a frame without pixels.

    Raises
    ------
    VideoReadError
        When there is no such file or folder, or the folder holds no image.
    """
    files = image_files(path, names)
    indices = sorted(set(choose([float(index) for index in range(len(files))])))
    known = next(filter(None, map(_look_at, files)), _Facts("", 0, 0))
    facts = VideoFacts(
        codec=known.codec,
        width=known.width,
        height=known.height,
        num_frames=len(files),
        is_truncated=False,
    )
    return facts, FrameStream(facts, _iter_images(files, indices, facts))


def _iter_images(
    files: list[Path], indices: list[int], facts: VideoFacts
) -> Generator[Frame, None, VideoFacts]:
    for index in indices:
        pixels = load_image(files[index])
        yield Frame(index, float(index), pixels, name=files[index].name)
    return facts


def _look_at(path: Path) -> _Facts | None:
    """Return what the header of an image says, None where it has none."""
    try:
        with _unwarned(), _opened(path) as image:
            return _Facts((image.format or "").lower(), image.width, image.height)
    except _BROKEN:
        return None


def load_image(path: Path) -> NDArray[np.uint8] | None:
    """Return the picture as RGB uint8 (height, width, 3), upright; None if broken.

    16 bits are scaled to 8, what is transparent is black, and of several pictures
    in one file the first is taken.
    """
    from PIL import ImageOps

    try:
        with _unwarned(), _opened(path) as image:
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except _BROKEN as error:
        logger.debug("Image %s cannot be read: %s", path, error)
        return None


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """Keep Pillow from warning of size, where the limit is our own, and of EXIF."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _opened(path: Path) -> "Image.Image":
    from PIL import Image

    if not path.is_file():
        # A pipe under such a name would be waited for.
        raise ValueError(f"{path} is no file.")
    try:
        image = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height}"
        image.close()
        raise ValueError(f"{path} has {size} pixels, over {MAX_PIXELS}.")
    return image


def _to_rgb(image: "Image.Image") -> NDArray[np.uint8]:
    from PIL import Image

    if image.mode.startswith("I"):
        deep = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        gray = np.rint(deep / 257).astype(np.uint8)
        return np.repeat(gray[..., np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        clear = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(clear, image.convert("RGBA"))
    return np.ascontiguousarray(np.asarray(image.convert("RGB")))
