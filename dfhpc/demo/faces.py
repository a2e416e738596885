"""Invented people: one public-domain portrait, warped, tinted and set in motion.

The portrait is NASA's of Eileen Collins, as scikit-image ships it.
"""

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 320
"""Height and width of a frame."""

Picture = NDArray[np.float32]
"""RGB (320, 320, 3), 0 to 255."""

SEAM = 60.0
"""How much lighter the middle of a seam is, of 255."""

_FACE_CENTER = (160.0, 165.0)
_MOUTH = (160.0, 205.0)
_FACE_AXES = (58, 80)
"""Half width and half height of the face in the portrait below."""


@functools.cache
def portrait() -> Picture:
    """Return head and shoulders of the portrait."""
    from skimage.data import astronaut

    head = astronaut()[0:246, 100:346]
    larger = cv2.resize(head, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.float32)


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist; the seed is who."""

    seed: int

    def picture(self) -> Picture:
        """Return this person, facing the camera."""
        rng = np.random.default_rng([self.seed, 1])
        face = cv2.remap(portrait(), *self._features(rng), cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            face = face[:, ::-1]
        tint = rng.uniform(0.8, 1.1, 3).astype(np.float32)
        left, right = rng.uniform(0.85, 1.1, 2)
        light = np.linspace(left, right, SIDE, dtype=np.float32)
        return np.asarray(
            np.clip(face * tint * light[None, :, None], 0, 255), np.float32
        )

    def _features(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a smooth field that makes eyes, nose, mouth and jaw this person's."""
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
        map_x, map_y = x.copy(), y.copy()
        for center in ((130, 145), (190, 145), (160, 175), (160, 205), (160, 240)):
            bump = _bump(x, y, center, rng.uniform(18, 34))
            grow, shift = rng.uniform(-0.25, 0.25), rng.uniform(-5, 5, 2)
            map_x -= bump * (grow * (x - center[0]) + shift[0])
            map_y -= bump * (grow * (y - center[1]) + shift[1])
        return map_x, map_y


def _bump(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    center: tuple[float, float],
    width: float,
) -> NDArray[np.float32]:
    distance = (x - center[0]) ** 2 + (y - center[1]) ** 2
    return np.exp(-distance / (2 * np.float32(width) ** 2))


def swap_face(target: Picture, source: Picture, method: str) -> Picture:
    """Return ``target`` with the face of ``source`` blended in.

    ``Deepfakes`` puts in a blurred face of matched color with soft edges, as an
    autoencoder does; ``FaceSwap`` a sharp one of half-matched color, hard-edged.
    Both leave a pale seam, so that even models on raw pixels have something to see.
    """
    soft = method == "Deepfakes"
    mask = np.zeros((SIDE, SIDE), np.float32)
    center = (int(_FACE_CENTER[0]), int(_FACE_CENTER[1]))
    cv2.ellipse(mask, center, _FACE_AXES, 0, 0, 360, 1.0, -1)
    inside = mask > 0
    blurred = cv2.GaussianBlur(mask, (0, 0), 9 if soft else 2)[:, :, None]
    matched = 1.0 if soft else 0.5
    shift = target[inside].mean(axis=0) - source[inside].mean(axis=0)
    face = source + matched * shift
    if soft:
        small = cv2.resize(face, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
        face = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    seam = 4 * blurred * (1 - blurred) * SEAM
    blended = np.clip(target * (1 - blurred) + face * blurred + seam, 0, 255)
    return np.asarray(blended, np.float32)


@dataclass(frozen=True)
class Motion:
    """How a head moves and talks through a clip; the seed is how."""

    seed: int

    def frame(self, picture: Picture, time_s: float) -> NDArray[np.uint8]:
        """Return the picture as the camera sees it, RGB uint8 (320, 320, 3)."""
        rng = np.random.default_rng([self.seed, 2])
        speed, phase = rng.uniform(0.8, 2.2, 5), rng.uniform(0, 6.28, 5)
        wave = np.sin(speed * time_s + phase)
        turn = cv2.getRotationMatrix2D(_FACE_CENTER, 5 * wave[0], 1 + 0.06 * wave[1])
        turn[:, 2] += 9 * wave[2:4]
        talking = _talk(picture, 4 * np.sin(9 * time_s + phase[4]))
        moved = cv2.warpAffine(
            talking, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
        )
        noise = np.random.default_rng([self.seed, 3, round(time_s * 1000)])
        grain = noise.normal(0, 2.5, (SIDE, SIDE, 1)).astype(np.float32)
        return np.asarray(np.clip(moved + grain, 0, 255), np.uint8)


def _talk(picture: Picture, opening: float) -> Picture:
    """Return the picture with the mouth opened by some pixels."""
    y, x = _grid()
    lift = _bump(x, y, _MOUTH, 16) * np.float32(opening)
    moved = y + lift * np.sign(y - np.float32(_MOUTH[1]))
    talking = cv2.remap(picture, x, moved, cv2.INTER_LINEAR)
    return np.asarray(talking, np.float32)


@functools.cache
def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return y, x
