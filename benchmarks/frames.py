"""Frames of one height for detectors to look at: from real clips, or painted."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dfhpc.constants import VIDEO_SUFFIXES
from dfhpc.errors import DfhpcError

EVERY = 60
"""Frames apart in a clip."""


class NoClipsError(DfhpcError, FileNotFoundError):
    """A folder holds no video."""


def make_frames(path: Path, data: Path | None, height: int, count: int) -> None:
    """Write ``count`` frames as uint8 (frames, height, 16/9 of it, 3) to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = painted() if data is None else from_clips(data)
    width = round(height * 16 / 9 / 2) * 2
    frames = [fitted(next(source), height, width) for _ in range(count)]
    np.save(path, np.stack(frames))


def fitted(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture scaled to fit, black where it leaves room."""
    image = Image.fromarray(picture)
    scale = min(height / image.height, width / image.width)
    size = round(image.width * scale), round(image.height * scale)
    frame = Image.new("RGB", (width, height))
    place = (width - size[0]) // 2, (height - size[1]) // 2
    frame.paste(image.resize(size, Image.Resampling.BICUBIC), place)
    return np.asarray(frame)


def from_clips(data: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield frames of the clips below ``data``, one of each in turn, without end."""
    from dfhpc.videos.decoding import read_frames

    clips = sorted(p for p in data.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    if not clips:
        raise NoClipsError(f"{data} holds no video; name another folder with --data.")
    turn = 0
    while True:
        for clip in clips:
            _, frames = read_frames(clip, functools.partial(_in_turn, turn))
            for frame in frames:
                if frame.pixels is not None:
                    yield frame.pixels
        turn += 1


def _in_turn(turn: int, times_s: Sequence[float]) -> list[int]:
    return [turn * EVERY % len(times_s)]


def painted() -> Iterator[NDArray[np.uint8]]:
    """Yield invented people, one to six in a frame, without end."""
    from dfhpc.demo.faces import Person

    seed = 0
    while True:
        rows, columns = ((1, 1), (1, 2), (2, 3))[seed % 3]
        people = [
            Person(seed + k).picture().astype(np.uint8) for k in range(rows * columns)
        ]
        lines = [
            np.concatenate(people[k * columns : (k + 1) * columns], 1)
            for k in range(rows)
        ]
        yield np.concatenate(lines)
        seed += 1
