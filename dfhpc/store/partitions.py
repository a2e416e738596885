"""Partitions: ranges of whole videos, each written by one task as one shard."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TARGET_SHARD_ROWS = 112
"""Rows of a full shard: 34 MB of pixels, half a minute of detection."""

TARGET_PARTITIONS = 32
"""With few videos, shards are smaller, so that there is work for all workers."""


@dataclass(frozen=True)
class Partition:
    """A range of manifest positions, ``first`` to ``last`` exclusive."""

    index: int
    first: int
    last: int


@dataclass(frozen=True)
class StoreLayout:
    """Where the rows of which video lie.

    Video at manifest position ``i`` owns rows ``i * slots_per_video`` and on: one
    group of ``frames_per_video`` slots for each of its people, the first for the
    most important one, or a single group for the chosen face of each frame.
    """

    num_videos: int
    frames_per_video: int
    videos_per_partition: int
    people_per_video: int = 1

    @property
    def slots_per_video(self) -> int:
        """Row slots of a video."""
        return self.frames_per_video * self.people_per_video

    @property
    def num_rows(self) -> int:
        """Row slots of the store, with or without a face."""
        return self.num_videos * self.slots_per_video

    @property
    def rows_per_partition(self) -> int:
        """Row slots of a shard."""
        return self.videos_per_partition * self.slots_per_video

    def video_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the manifest positions of the videos that own ``rows``."""
        return rows // self.slots_per_video

    def person_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which of its video's slot groups each row is in.

        >>> StoreLayout(2, 3, 1, people_per_video=2).person_of(np.arange(9))
        array([0, 0, 0, 1, 1, 1, 0, 0, 0])
        """
        return rows % self.slots_per_video // self.frames_per_video

    @property
    def num_partitions(self) -> int:
        """Shards of the store; the last may be part filled."""
        return -(-self.num_videos // self.videos_per_partition)

    def partition(self, index: int) -> Partition:
        """Return the videos of partition ``index``.

        >>> StoreLayout(5, 7, 2).partition(2)
        Partition(index=2, first=4, last=5)
        """
        first = index * self.videos_per_partition
        return Partition(
            index, first, min(first + self.videos_per_partition, self.num_videos)
        )

    def partition_of(self, position: int) -> int:
        """Return which partition the video at ``position`` is in."""
        return position // self.videos_per_partition

    def row(self, position: int, slot: int, group: int = 0) -> int:
        """Return the row of a video's frame, counted among those sampled.

        ``group`` is the slot group of the person.

        >>> StoreLayout(5, 7, 2).row(1, 3)
        10
        >>> StoreLayout(5, 7, 2, people_per_video=4).row(1, 3, 2)
        45
        """
        first = position * self.slots_per_video + group * self.frames_per_video
        return first + slot

    def rows(self, partition: Partition) -> slice:
        """Return the row slots of a partition."""
        return slice(
            partition.first * self.slots_per_video,
            partition.last * self.slots_per_video,
        )


def plan_store(
    num_videos: int,
    frames_per_video: int,
    videos_per_partition: int | None,
    people_per_video: int = 1,
) -> StoreLayout:
    """Return the layout for so many videos; None chooses the partitions' size.

    >>> plan_store(2000, 7, None).videos_per_partition
    16
    >>> plan_store(30, 7, None).videos_per_partition
    1
    >>> plan_store(2000, 7, None, people_per_video=4).videos_per_partition
    4
    """
    if videos_per_partition is None:
        most = max(1, TARGET_SHARD_ROWS // (frames_per_video * people_per_video))
        videos_per_partition = min(most, max(1, num_videos // TARGET_PARTITIONS))
    return StoreLayout(
        num_videos, frames_per_video, videos_per_partition, people_per_video
    )
