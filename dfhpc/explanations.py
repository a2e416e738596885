"""What a model used in a face: values that models make and pages draw."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Method = Literal["weights", "occlusion", "grad_cam"]
Side = Literal["fake", "real"]
Cover = Literal["mean_face", "mean_color"]
Region = tuple[int, int, int, int]
"""x, y, width, height in pixels of a stored face."""

COVER_NAMES: dict[Cover, str] = {
    "mean_face": "replaced by the average face of the training data",
    "mean_color": "painted over in the mean color of the face",
}

MOST_DIGITS = 4
"""Of a score in a sentence; two are written where they tell scores apart."""


class ShownFace(Protocol):
    """A face that was scored, as it was scored, and where it is from."""

    @property
    def frame_index(self) -> int:
        """The frame it was in."""
        ...

    @property
    def time_s(self) -> float:
        """When that frame is shown."""
        ...

    @property
    def track(self) -> int:
        """Whom it was followed as."""
        ...

    @property
    def face(self) -> NDArray[np.uint8]:
        """RGB (320, 320, 3)."""
        ...


@dataclass(frozen=True)
class Explanation:
    """Where in a face a model found what speaks for its answer, and whether it holds.

    What the model used, and no proof of anything.
    """

    method: Method
    frame_index: int
    track: int
    side: Side
    """What the region speaks for."""
    region: Region
    """Where most of it is."""
    score: float
    """Of the face as it is."""
    score_hidden: float
    """With the region hidden."""
    random_scores: tuple[float, ...]
    """With one of some other regions of that size hidden instead."""
    cover: Cover
    """What hides them."""
    holds: bool
    """Whether hiding the region moves the score as it must, and more than others."""
    evidence: NDArray[np.float32] = field(repr=False, compare=False)
    """What speaks for fake at each place, (320, 320); negative speaks for real."""

    @property
    def score_random_hidden(self) -> float:
        """The mean over the other regions."""
        return sum(self.random_scores) / len(self.random_scores)

    @property
    def sentence(self) -> str:
        """The check in words."""
        scores = self.score, self.score_hidden, self.score_random_hidden
        before, hidden, other = plain_scores(scores)
        check = (
            f"Check: with the region that speaks most for {self.side} "
            f"{COVER_NAMES[self.cover]}, the score goes from {before} to {hidden}; "
            f"with {len(self.random_scores)} other regions of that size, to {other} on "
            "average."
        )
        if self.holds:
            return f"{check} So the model did use this region; that proves no more."
        why = (
            "the score hardly moves"
            if round(self.score, 2) == round(self.score_hidden, 2)
            else "the score does not move as it must"
        )
        return (
            f"{check} As {why}, this picture is not reliable: conclude nothing from it."
        )

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, without the evidence of each place."""
        return {
            "method": self.method,
            "frame_index": self.frame_index,
            "track": self.track,
            "region": list(self.region),
            "score": self.score,
            "score_hidden": self.score_hidden,
            "score_random_hidden": self.score_random_hidden,
            "holds": self.holds,
            "sentence": self.sentence,
        }


def plain_scores(scores: tuple[float, ...]) -> list[str]:
    """Return scores with as many digits as tell them apart, two or more.

    >>> plain_scores((0.84, 0.61)), plain_scores((0.592, 0.593))
    (['0.84', '0.61'], ['0.592', '0.593'])
    """
    different = len({round(score, MOST_DIGITS) for score in scores})
    for digits in range(2, MOST_DIGITS + 1):
        texts = [f"{score:.{digits}f}" for score in scores]
        if len(set(texts)) == different:
            break
    return texts
