"""What is damaged among decoded frames, and what may show it.

A decoder flags the frame whose own data are broken, and not those after it that are
predicted from it: they show the same artifacts. So a frame counts as clean only if
nothing that it may refer to is damaged.
"""

from bisect import bisect_left, insort

from dfhpc.videos.timeline import PacketOrder


class Damage:
    """Damaged packets and corrupt frames, as they are found."""

    def __init__(self) -> None:
        """Begin with none."""
        self.num_packets = 0
        self.num_frames = 0
        self._positions: list[int] = []

    def mark(self, position: int) -> None:
        """Note that what the packet at ``position`` holds is damaged."""
        insort(self._positions, position)

    def touches(self, order: PacketOrder, index: int) -> bool:
        """Whether frame ``index`` or one that it may refer to is damaged."""
        at = bisect_left(self._positions, int(order.begin[index]))
        return at < len(self._positions) and (
            self._positions[at] <= order.position[index]
        )
