"""Faces turned, moved, sheared, zoomed and mirrored at random, as Keras does it.

The formulas are those of Keras's ``ImageDataGenerator``, which work A used; its shear
is in degrees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfhpc.model_configs import CnnConfig

Images = NDArray[np.float32]
"""(height, width, 3), 0 to 255."""


@dataclass(frozen=True)
class Motion:
    """How one face is moved; angles in degrees, shifts in pixels."""

    theta: float
    down: float
    right: float
    shear: float
    zoom_down: float
    zoom_right: float
    is_mirrored: bool


def draw_motion(config: CnnConfig, epoch: int, row: int) -> Motion:
    """Return how the face of a row is moved in an epoch.

    It depends on seed, epoch and row alone, so that an epoch that is gone on with
    sees what it would have seen.
    """
    rng = np.random.default_rng([config.seed, epoch, row])
    theta, down, right, shear, zoom_down, zoom_right = rng.uniform(-1, 1, 6)
    return Motion(
        theta * config.rotation,
        down * config.shift * config.side,
        right * config.shift * config.side,
        shear * config.shear,
        1 + zoom_down * config.zoom,
        1 + zoom_right * config.zoom,
        bool(config.flip and rng.random() < 0.5),
    )


def matrix_of(motion: Motion, side: int) -> NDArray[np.float64]:
    """Return the affine map (3, 3) from a place in the new picture to the old one."""
    theta, shear = np.deg2rad([motion.theta, motion.shear])
    turn = np.array(
        [
            [np.cos(theta), -np.sin(theta), 0],
            [np.sin(theta), np.cos(theta), 0],
            [0, 0, 1],
        ]
    )
    shift = np.array([[1, 0, motion.down], [0, 1, motion.right], [0, 0, 1]])
    slant = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    zoom = np.diag([motion.zoom_down, motion.zoom_right, 1])
    middle = side / 2 - 0.5
    there = np.array([[1, 0, middle], [0, 1, middle], [0, 0, 1]])
    back = np.array([[1, 0, -middle], [0, 1, -middle], [0, 0, 1]])
    matrix = there @ turn @ shift @ slant @ zoom @ back
    # Keras thinks of places as (x, y), arrays have (line, column).
    matrix[:, [0, 1]] = matrix[:, [1, 0]]
    matrix[[0, 1]] = matrix[[1, 0]]
    return np.asarray(matrix, np.float64)


def moved(image: NDArray[np.uint8], motion: Motion) -> Images:
    """Return a face moved; what comes in from outside repeats the edge."""
    from scipy.ndimage import affine_transform

    matrix = matrix_of(motion, len(image))
    result = np.empty(image.shape, np.float32)
    for channel in range(image.shape[2]):
        affine_transform(
            image[:, :, channel].astype(np.float32),
            matrix[:2, :2],
            matrix[:2, 2],
            output=result[:, :, channel],
            order=1,
            mode="nearest",
        )
    return result[:, ::-1] if motion.is_mirrored else result
