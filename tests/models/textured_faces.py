"""Faces that only a spectrum tells apart, and a pool that counts units."""

import numpy as np
import pytest

from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from tests.models.contract import FRAMES, NUM_VIDEOS

SIDE = 320


@pytest.fixture(scope="session")
def faces():
    """Return faces of two classes: the noise of one was drawn at half the resolution.

    Each pixel by itself is distributed alike in both, with the same mean, so that only
    how neighbours go together tells the classes apart, as after an up-convolution.
    """
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(NUM_VIDEOS) % 2, FRAMES).astype(np.int8)
    y, x = np.mgrid[:SIDE, :SIDE]
    smooth = 40 * np.cos(2 * np.pi * (x + y) / SIDE)
    rows = np.empty((len(labels), SIDE * SIDE * 3), np.uint8)
    for row, label in zip(rows, labels, strict=True):
        size = SIDE // 2 if label else SIDE
        noise = rng.normal(0, 1.5, (size, size, 3))
        if label:
            noise = noise.repeat(2, axis=0).repeat(2, axis=1)
        plane = 120 + rng.uniform(-20, 20) + smooth
        row[:] = np.rint(plane[..., None] + noise).astype(np.uint8).ravel()
    return rows, labels


class Counting(InlinePool):
    """Counts units, and asks for a stop while the one of that number is made."""

    def __init__(self, stop_at=0):
        self.names = []
        self.stop_at = stop_at

    def submit(self, name, function, args):
        self.names.append(name.rsplit("-", 1)[0])
        if len(self.names) == self.stop_at:
            signals.request_stop()
        return super().submit(name, function, args)
