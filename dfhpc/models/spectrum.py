"""Features of a face: its power spectrum by spatial frequency, or that of its noise.

Durall, Keuper, Pfreundt & Keuper 2019, "Unmasking DeepFakes with simple Features"
(arXiv 1911.00686): generated faces lack or exceed the high frequencies that cameras
leave. Theirs is the spectrum of the gray face, averaged over all directions. Three
things differ here. They cut out the middle of the face; here a Hann window fades the
picture out towards its edges, whose jump would otherwise spill over all frequencies.
They divide the logarithms by the first one; here the mean of all is taken from them,
which removes contrast and does not hang on the eight coefficients of the first ring.
And nothing is interpolated: a column is a ring of the spectrum.

A face was scaled to 320 x 320 before: what of its spectrum lies beyond its own
resolution is empty, so that the size of a face in the video shows in every column.
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE
from dfhpc.model_configs import FeatureKind
from dfhpc.store.reading import Pixels

FEATURES_VERSION = 1
"""Rises when the same pixels come to give other features."""

NUM_RINGS = 226
"""Frequencies from 1 to 226 cycles a face, the corner of the spectrum: half the
diagonal of 320 x 320. Up to 160 a ring is a whole circle."""

LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in a gray pixel, as in ITU-R BT.601 and OpenCV."""

FLOOR = 1e-6
"""In squared gray levels: added to the power, far below the 1/12 that rounding to
whole levels leaves, so that an empty picture has a logarithm."""

KV_SUM = 12
"""What the KV filter's residual is divided by."""

TRUNCATION = 2
"""In gray levels, as in the SRM: larger residuals are edges, not noise."""

Plane = NDArray[np.float64]
Values = NDArray[np.float32]
"""(rows, columns) of features."""


def num_columns(kind: FeatureKind) -> int:
    """Return how many values a row has.

    >>> num_columns("spectrum"), num_columns("residual")
    (226, 678)
    """
    return {"spectrum": NUM_RINGS, "residual": FACE_CHANNELS * NUM_RINGS}[kind]


def compute_features(kind: FeatureKind, rows: Pixels) -> Values:
    """Return the features of (n, 307200) pixels.

    Each row is computed alone, so that it has the same bits in any company.
    """
    function = _FUNCTIONS[kind]
    found = np.empty((len(rows), num_columns(kind)), np.float32)
    for values, row in zip(found, rows, strict=True):
        values[:] = function(row.reshape(FACE_SIDE, FACE_SIDE, FACE_CHANNELS))
    return found


def spectrum(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the power of the gray face in each ring, in decibels around their mean.

    >>> y, x = np.mgrid[:320, :320]
    >>> wave = np.rint(128 + 50 * np.sin(2 * np.pi * 40 * x / 320)).astype(np.uint8)
    >>> ring = int(np.argmax(spectrum(np.stack([wave] * 3, axis=2)))) + 1
    >>> 39 <= ring <= 41
    True
    """
    red, green, blue = np.moveaxis(face.astype(np.float64), 2, 0)
    power = ring_power(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)
    return np.asarray(power - power.mean())


def residual(face: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the power of the noise of each color in each ring, in decibels.

    The level is kept: how much noise there is, is what a smoothed face differs in.
    Without the truncation this would be the spectrum and nothing more, since a
    linear filter shifts each ring's logarithm by a constant.
    """
    noise = np.clip(kv_filter(face), -TRUNCATION * KV_SUM, TRUNCATION * KV_SUM)
    planes = np.moveaxis(noise / KV_SUM, 2, 0)
    return np.concatenate([ring_power(plane) for plane in planes])


_FUNCTIONS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float64]]] = {
    "spectrum": spectrum,
    "residual": residual,
}


def kv_filter(face: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return 12 times what each pixel differs by from what its neighbours predict.

    The 5 x 5 filter of Ker & Boehme, in the SRM of Fridrich & Kodovsky 2012, "Rich
    Models for Steganalysis of Digital Images"; edges are mirrored. It is blind to what
    varies along rows alone or along columns alone.

    >>> slope = np.repeat(np.arange(8, dtype=np.uint8)[:, None, None], 8, axis=1)
    >>> int(abs(kv_filter(slope)[2:-2]).max())
    0
    >>> point = np.zeros((9, 9, 1), np.uint8)
    >>> point[4, 4] = 1
    >>> kv_filter(point)[2:5, 2:5, 0].tolist()
    [[-1, 2, -2], [2, -6, 8], [-2, 8, -12]]
    """
    # At most 88 * 255, so that 16 bits hold it.
    wide = np.pad(face.astype(np.int16), ((2, 2), (2, 2), (0, 0)), mode="reflect")
    far, near = wide[:, :-4] + wide[:, 4:], wide[:, 1:-3] + wide[:, 3:-1]
    own = wide[:, 2:-2]
    outer = 2 * near - far - 2 * own
    middle = 2 * far - 6 * near + 8 * own
    inner = 8 * near - 2 * far - 12 * own
    summed = outer[:-4] + outer[4:] + middle[1:-3] + middle[3:-1] + inner[2:-2]
    return np.asarray(summed, np.int16)


def ring_power(plane: Plane) -> NDArray[np.float64]:
    """Return the mean of the log power of each ring of a (320, 320) picture, in dB.

    White noise of variance v has 10 log10(v) - 2.5 in each.
    """
    import scipy.fft

    window = _window()
    faded = (plane - (plane * window).sum() / window.sum()) * window
    coefficients = scipy.fft.rfft2(faded) / np.sqrt((window**2).sum())
    power = coefficients.real**2 + coefficients.imag**2
    decibels = 10 * np.log10(power + FLOOR)
    rings, weights, totals = _rings()
    sums = np.bincount(rings, (decibels * weights).ravel(), NUM_RINGS + 1)
    return np.asarray(sums[1:] / totals[1:])


@functools.cache
def _window() -> Plane:
    side = np.hanning(FACE_SIDE)
    return np.outer(side, side)


@functools.cache
def _rings() -> tuple[NDArray[np.int64], Plane, NDArray[np.float64]]:
    """Return the ring of each coefficient, its weight, and the weight of each ring.

    Of a real picture's spectrum, half is computed; most coefficients stand for two.
    """
    down = np.fft.fftfreq(FACE_SIDE, 1 / FACE_SIDE)[:, None]
    across = np.arange(FACE_SIDE // 2 + 1)
    rings = np.rint(np.hypot(down, across)).astype(np.int64)
    weights = np.where((across == 0) | (across == FACE_SIDE // 2), 1.0, 2.0)
    weights = np.broadcast_to(weights, rings.shape)
    totals = np.bincount(rings.ravel(), weights.ravel()).astype(np.float64)
    return rings.ravel(), weights, totals
