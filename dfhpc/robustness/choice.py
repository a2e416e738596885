"""Which test videos are made worse: half of each class, over many groups."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest

from dfhpc.constants import LABEL_FAKE, LABEL_REAL
from dfhpc.videos.manifest import Video


def choose_videos(
    videos: Sequence[Video], positions: Sequence[int], limit: int, seed: int
) -> list[int]:
    """Return up to ``limit`` of ``positions`` in ``videos``, ascending.

    Reals and fakes take turns, and in each class groups and, within a group, methods:
    all by the order of a hash, so that the choice for a smaller limit is a part of it.
    """
    by_class = [
        _in_turn([p for p in positions if videos[p].label == label], videos, seed)
        for label in (LABEL_REAL, LABEL_FAKE)
    ]
    turns = chain.from_iterable(zip_longest(*by_class))
    return sorted([position for position in turns if position is not None][:limit])


def _in_turn(positions: list[int], videos: Sequence[Video], seed: int) -> list[int]:
    """Return the positions so that groups take turns."""
    groups = defaultdict(list)
    for position in sorted(positions, key=lambda p: _key(seed, videos[p].video_id)):
        groups[videos[position].group_id].append(position)
    ordered = [groups[name] for name in sorted(groups, key=lambda g: _key(seed, g))]
    turns = chain.from_iterable(zip_longest(*ordered))
    return [position for position in turns if position is not None]


def _key(seed: int, name: str) -> bytes:
    text = f"{seed}:{name}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
