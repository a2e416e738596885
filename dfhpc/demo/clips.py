"""Clips as files: H.264 in MP4, in the layout of FaceForensics++."""

import fractions
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from dfhpc.demo.faces import SIDE, Motion, Person, swap_face
from dfhpc.reporting.progress import progress
from dfhpc.runs import atomic_path, write_text
from dfhpc.training_facts import ABOUT_NAME

FPS = 25
STRIDE = 15
NUM_FRAMES = 95
"""Seven frames at every fifteenth need 91."""

ABOUT = (
    "These people are invented: dfhpc demo paints them from one portrait, and its "
    "forgeries bear only the names of real methods. What was learned from them says "
    "nothing about real videos.\n"
)

METHODS = ("Deepfakes", "FaceSwap")
NUM_PEOPLE = 28
"""Of 14 pairs five calibrate, the fewest that give probabilities."""
STRANGERS = (901, 902)
"""People of no clip in the data, for prediction."""

Frames = Iterable[NDArray[np.uint8]]


def write_clip(path: Path, frames: Frames) -> None:
    """Write RGB frames as H.264, whole or not at all."""
    with atomic_path(path) as tmp, av.open(str(tmp), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fractions.Fraction(FPS))
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        # One thread and no macroblock tree, or x264's bytes differ from run to run.
        stream.options = {
            "crf": "26",
            "preset": "veryfast",
            "threads": "1",
            "x264-params": "mbtree=0",
        }
        for pixels in frames:
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def real_frames(
    person: int, num_frames: int = NUM_FRAMES
) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a real clip of a person."""
    picture, motion = Person(person).picture(), Motion(person)
    for index in range(num_frames):
        yield motion.frame(picture, index / FPS)


def fake_frames(
    target: int, source: int, method: str, num_frames: int = NUM_FRAMES
) -> Iterator[NDArray[np.uint8]]:
    """Yield the clip of ``target`` with the face of ``source``, motion unchanged."""
    swapped = swap_face(Person(target).picture(), Person(source).picture(), method)
    motion = Motion(target)
    for index in range(num_frames):
        yield motion.frame(swapped, index / FPS)


def faceless_frames(num_frames: int = NUM_FRAMES) -> Iterator[NDArray[np.uint8]]:
    """Yield drifting stripes."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    for index in range(num_frames):
        wave = np.sin((x + y + 3 * index) / 23.0) * 60 + 120
        yield np.stack([wave, wave[::-1], wave.T], axis=2).astype(np.uint8)


def clip_paths(num_people: int) -> dict[Path, tuple[int, int | None, str]]:
    """Return path, target, source and method of each clip of the data set.

    People are paired: 000 with 001, 002 with 003, ..., as in FaceForensics++.
    """
    clips: dict[Path, tuple[int, int | None, str]] = {}
    for person in range(num_people):
        other = person ^ 1
        real = Path("original_sequences/youtube/c23/videos", f"{person:03d}.mp4")
        clips[real] = (person, None, "youtube")
        for method in METHODS:
            folder = Path("manipulated_sequences", method, "c23/videos")
            clips[folder / f"{person:03d}_{other:03d}.mp4"] = (person, other, method)
    return clips


def make_data_set(
    folder: Path, num_people: int = NUM_PEOPLE, num_frames: int = NUM_FRAMES
) -> None:
    """Write the clips of a small data set below ``folder``, those not there yet."""
    clips = clip_paths(num_people)
    write_text(folder / ABOUT_NAME, ABOUT)
    with progress("Painting clips", len(clips), "clip") as advance:
        for path, (target, source, method) in clips.items():
            if not (folder / path).exists():
                frames = (
                    real_frames(target, num_frames)
                    if source is None
                    else fake_frames(target, source, method, num_frames)
                )
                write_clip(folder / path, frames)
            advance(1)


def make_new_clips(folder: Path, num_frames: int = NUM_FRAMES) -> list[Path]:
    """Write a real, a fake, a faceless and a broken clip; return their paths."""
    one, other = STRANGERS
    clips = {
        "real.mp4": real_frames(one, num_frames),
        "fake.mp4": fake_frames(one, other, METHODS[0], num_frames),
        "faceless.mp4": faceless_frames(num_frames),
    }
    for name, frames in clips.items():
        write_clip(folder / name, frames)
    broken = folder / "broken.mp4"
    whole = (folder / "real.mp4").read_bytes()
    with atomic_path(broken) as tmp:
        # The index of an MP4 is at its end: an upload cut short has none.
        tmp.write_bytes(whole[: len(whole) // 2])
    return [*(folder / name for name in clips), broken]
