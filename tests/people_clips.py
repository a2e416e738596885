"""Invented clips with two people side by side, for the tests of several people."""

import av
import numpy as np

from dfhpc.demo.clips import FPS, METHODS, fake_frames, real_frames
from dfhpc.demo.faces import SIDE

NUM_FRAMES = 25
"""Four frames at every eighth."""


def write_pair(path, left, right):
    """Write a clip of the frames of two clips, side by side; left ones count."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 2 * SIDE, SIDE, "yuv420p"
        stream.options = {"crf": "20", "threads": "1", "x264-params": "mbtree=0"}
        for pair in zip(left, right, strict=True):
            picture = av.VideoFrame.from_ndarray(np.hstack(pair), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def write_two_people(path, left=1, right=2, num_frames=NUM_FRAMES):
    """Write a clip of two invented people."""
    frames = real_frames(left, num_frames), real_frames(right, num_frames)
    return write_pair(path, *frames)


def make_data_set(folder, num_people=8):
    """Write a real and a fake clip of each person, a real bystander to the right."""
    for person in range(num_people):
        bystander = 100 + person
        for label, own in (
            ("real", real_frames(person, NUM_FRAMES)),
            ("fake", fake_frames(person, person ^ 1, METHODS[0], NUM_FRAMES)),
        ):
            beside = real_frames(bystander, NUM_FRAMES)
            write_pair(folder / label / f"{person:03d}.mp4", own, beside)
