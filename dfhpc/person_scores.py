"""From the scores of people's faces to the score of their video.

A person's score is the mean of the scores of that person's faces. A video's is the
highest of any person with enough faces: one fake face makes a fake video. Prediction
and evaluation use the same, so that a threshold means the same in both.
"""

from collections.abc import Sequence

FEWEST_FACES = 3
"""A person is judged by so many faces, or by all frames asked for if they are fewer."""


def faces_needed(frames_per_video: int) -> int:
    """Return how many faces are enough."""
    return min(FEWEST_FACES, frames_per_video)


def deciding_person(counts: Sequence[int], scores: Sequence[float], needed: int) -> int:
    """Return whose score is the video's, from each one's number of faces and score.

    Where nobody has ``needed`` faces, it is who has most. Of equals, the first.

    >>> deciding_person([7, 4, 1], [0.2, 0.8, 0.9], needed=3)
    1
    >>> deciding_person([1, 2, 2], [0.9, 0.1, 0.3], needed=3)
    1
    """
    enough = [person for person, count in enumerate(counts) if count >= needed]
    if enough:
        return max(enough, key=lambda person: scores[person])
    return max(range(len(counts)), key=lambda person: counts[person])
