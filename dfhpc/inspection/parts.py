"""Which videos a run has, and which of them train, calibrate and test."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from dfhpc.audit import audit_parts
from dfhpc.config import SplitVariant
from dfhpc.constants import LABEL_NAMES
from dfhpc.inspection.tally import Kind, by_class, kind_of
from dfhpc.reporting.report.facts import SplitFacts
from dfhpc.runs import RunDirectory, read_record
from dfhpc.split_rows import refuse_other_manifest
from dfhpc.splits import PARTS, Split
from dfhpc.store.schema import open_store, store_layout
from dfhpc.videos.manifest import Video, manifest_hash

MOST_GROUPS = 200
"""Groups that are named one by one; the manifest has all."""

UNUSED = "unused"


def read_split(
    run: RunDirectory, variant: SplitVariant, videos: Sequence[Video]
) -> SplitFacts | None:
    """Return what is known of a split, None before it is made.

    Raises
    ------
    RunDirectoryError
        When its file is damaged.
    StoreError
        When it is one of rows, and the store is gone or of another manifest.
    """
    path = run.split_variant_path(variant.suffix)
    if not path.exists() or not videos:
        return None
    split = Split.from_json(read_record(path, "kind", "seed", *PARTS, "unused"))
    members = _members(run, split, videos)
    groups = _groups(members)
    return SplitFacts(
        suffix=variant.suffix,
        kind=split.kind,
        seed=split.seed,
        leaky=split.is_leaky,
        unused=split.unused,
        audit=audit_parts(members),
        groups=groups[:MOST_GROUPS],
        num_groups=len(groups),
        part_of={}
        if split.is_leaky
        else {str(name): part for part in PARTS for name in split.members(part)},
    )


def _members(
    run: RunDirectory, split: Split, videos: Sequence[Video]
) -> dict[str, Sequence[Video]]:
    """Return the videos of each part; of a split of rows, those with rows in it."""
    if not split.is_leaky:
        wanted = {part: set(split.members(part)) for part in PARTS}
        return {
            part: [video for video in videos if video.video_id in wanted[part]]
            for part in PARTS
        }
    layout = store_layout(open_store(run.store_path))
    refuse_other_manifest(run.store_path, layout, videos)
    return {
        part: [
            videos[at]
            for at in sorted(
                {int(row) // layout.slots_per_video for row in split.members(part)}
            )
        ]
        for part in PARTS
    }


def _groups(members: Mapping[str, Sequence[Video]]) -> list[dict[str, Any]]:
    """Return each group with its videos by class, part by part."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    parts: dict[str, list[str]] = defaultdict(list)
    for part in PARTS:
        for video in members[part]:
            if part not in parts[video.group_id]:
                parts[video.group_id].append(part)
            counts[video.group_id][video.label_name] += 1
    order = sorted(parts, key=lambda name: (PARTS.index(parts[name][0]), name))
    return [
        {"group": name, "parts": parts[name]}
        | {label: counts[name][label] for label in ("real", "fake")}
        for name in order
    ]


def summarize_manifest(
    videos: Sequence[Video], part_of: Mapping[str, str]
) -> dict[str, Any]:
    """Return counts of a manifest by kind of video, and by part where it is known."""
    labels = Counter(video.label_name for video in videos)
    counts: dict[Kind, Counter[str]] = defaultdict(Counter)
    groups: dict[Kind, set[str]] = defaultdict(set)
    for video in videos:
        kind = kind_of(video)
        counts[kind].update(["videos", part_of.get(video.video_id, UNUSED)])
        counts[kind]["bytes"] += video.bytes
        groups[kind].add(video.group_id)
    names = ("videos", "bytes", *PARTS, UNUSED)
    return {
        "videos": len(videos),
        "groups": len({video.group_id for video in videos}),
        "bytes": sum(video.bytes for video in videos),
        "labels": {name: labels[name] for name in LABEL_NAMES.values()},
        "hash": manifest_hash(videos),
        "has_parts": bool(part_of),
        "kinds": [
            dict(zip(("label", "method", "compression"), kind, strict=True))
            | {"groups": len(groups[kind])}
            | {name: counts[kind][name] for name in names}
            for kind in sorted(counts, key=by_class)
        ],
    }
