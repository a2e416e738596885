"""What a model used, by hiding one patch of the face after the other."""

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_SIDE
from dfhpc.explanations import Region
from dfhpc.models.hiding import Hiding, log_odds

PATCHES = 8
"""Across and down: patches of 40 x 40 pixels, so that a face costs 64 scores."""

SIDE = FACE_SIDE // PATCHES


def occlusion(face: Hiding, seen: float) -> NDArray[np.float32]:
    """Return what each patch adds to the log-odds of fake, spread over its pixels.

    ``seen`` is the score of the face as it is. (320, 320), positive towards fake: a
    patch is positive where the score falls when it is hidden.
    """
    falls = log_odds(np.array(seen)) - log_odds(face.scores(patches()))
    falls = falls.reshape(PATCHES, PATCHES).astype(np.float32)
    return np.asarray(np.kron(falls / SIDE**2, np.ones((SIDE, SIDE), np.float32)))


def patches() -> list[Region]:
    """Return the patches, row by row.

    >>> patches()[0], patches()[-1], len(patches())
    ((0, 0, 40, 40), (280, 280, 40, 40), 64)
    """
    starts = range(0, FACE_SIDE, SIDE)
    return [(x, y, SIDE, SIDE) for y in starts for x in starts]
