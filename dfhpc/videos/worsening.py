"""Pictures made worse, as the world does: compressed, scaled, blurred, noisy.

Pure functions on RGB pictures, (height, width, 3) uint8, to new ones of the same shape.
"""

import io

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def as_jpeg(pixels: Picture, quality: int) -> Picture:
    """Return what a JPEG of this quality, 1 to 95, leaves; colors at half resolution.

    >>> flat = np.full((16, 16, 3), 128, np.uint8)
    >>> np.array_equal(as_jpeg(flat, 75), flat)
    True
    """
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as saved:
        return np.array(saved.convert("RGB"))


def scaled(pixels: Picture, factor: float) -> Picture:
    """Return the picture scaled down by ``factor``, 0 to 1, and up to its size again.

    >>> pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    >>> np.array_equal(scaled(pixels, 1.0), pixels)
    True
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    small = max(1, round(width * factor)), max(1, round(height * factor))
    if small == (width, height):
        return pixels.copy()
    # Pillow's bicubic filter widens when it scales down, so that nothing aliases.
    smaller = Image.fromarray(pixels).resize(small, Image.Resampling.BICUBIC)
    return np.array(smaller.resize((width, height), Image.Resampling.BICUBIC))


def blurred(pixels: Picture, sigma: float) -> Picture:
    """Return the picture under a Gaussian filter of ``sigma`` pixels.

    >>> pixels = np.zeros((3, 3, 3), np.uint8)
    >>> pixels[1, 1] = 255
    >>> np.array_equal(blurred(pixels, 0.0), pixels)
    True
    >>> bool(blurred(pixels, 1.0)[1, 1, 0] < 255)
    True
    """
    from scipy.ndimage import gaussian_filter

    if sigma <= 0:
        return pixels.copy()
    soft = gaussian_filter(
        pixels.astype(np.float32), (sigma, sigma, 0), mode="nearest", truncate=3.0
    )
    return _rounded(soft)


def noisy(pixels: Picture, sigma: float, seed: tuple[int, ...]) -> Picture:
    """Return the picture with Gaussian noise of ``sigma`` gray levels on each value.

    The same ``seed`` gives the same noise.

    >>> gray = np.full((2, 2, 3), 100, np.uint8)
    >>> np.array_equal(noisy(gray, 0.0, (1,)), gray)
    True
    >>> np.array_equal(noisy(gray, 5.0, (1,)), noisy(gray, 5.0, (1,)))
    True
    """
    if sigma <= 0:
        return pixels.copy()
    noise = np.random.default_rng(seed).standard_normal(pixels.shape, np.float32)
    return _rounded(pixels + np.float32(sigma) * noise)


def _rounded(values: NDArray[np.float32]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
