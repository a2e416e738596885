"""The leak audit: what train and test have in common, and should not."""

from collections.abc import Sequence
from typing import Any

from dfhpc.constants import LABEL_FAKE, LABEL_REAL
from dfhpc.splits import PARTS, source_ids
from dfhpc.videos.manifest import Video


def audit_parts(parts: dict[str, Sequence[Video]]) -> dict[str, Any]:
    """Return what the parts of a split share, and their balance of classes.

    ``parts`` maps train, calibration and test to the videos with a row in it. Every
    overlap is expected to be 0. ``groups_known`` is false where each video is its
    own group, so that nothing is known of who is in it.
    """
    everyone = [video for part in PARTS for video in parts[part]]
    return {
        "overlap": {
            f"{left}/{right}": _overlap(parts[left], parts[right])
            for left, right in (
                ("train", "test"),
                ("train", "calibration"),
                ("calibration", "test"),
            )
        },
        "balance": {
            part: {
                "videos": len(parts[part]),
                "groups": len({video.group_id for video in parts[part]}),
                "real": sum(video.label == LABEL_REAL for video in parts[part]),
                "fake": sum(video.label == LABEL_FAKE for video in parts[part]),
            }
            for part in PARTS
        },
        "groups_known": len({video.group_id for video in everyone})
        < len({video.video_id for video in everyone}),
    }


def _overlap(left: Sequence[Video], right: Sequence[Video]) -> dict[str, int]:
    return {
        "groups": len({v.group_id for v in left} & {v.group_id for v in right}),
        "videos": len({v.video_id for v in left} & {v.video_id for v in right}),
        "sources": len(
            {name for v in left for name in source_ids(v)}
            & {name for v in right for name in source_ids(v)}
        ),
    }


def is_clean(audit: dict[str, Any]) -> bool:
    """Whether nothing is shared between any two parts."""
    return not any(
        count for pair in audit["overlap"].values() for count in pair.values()
    )
