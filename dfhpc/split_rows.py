"""From the parts of a split to rows of the store."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfhpc.config import SplitVariant
from dfhpc.errors import StoreError
from dfhpc.runs import RunDirectory, read_record, write_json
from dfhpc.splits import PARTS, Split, split_rows, split_videos
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.reading import RowReader, Rows
from dfhpc.videos.manifest import Video, read_manifest


def load_split(run: RunDirectory, variant: SplitVariant) -> Split:
    """Return a split of a run, made and written the first time.

    Raises
    ------
    SplitError
        When the videos, or the faces found in them, cannot be split as asked.
    """
    path, config = run.split_variant_path(variant.suffix), variant.config
    if path.exists():
        return Split.from_json(read_record(path, "kind", "seed", *PARTS))
    if config.kind == "random_rows":
        reader = RowReader(run.store_path)
        labels = np.asarray(reader.array("label"), np.int8)
        valid = np.asarray(reader.array("valid"), bool)
        split = split_rows(np.flatnonzero(valid & (labels >= 0)), config)
    else:
        split = split_videos(read_manifest(run.manifest_path), config)
    write_json(path, split.to_json())
    return split


def refuse_other_manifest(
    store_path: Path, layout: StoreLayout, videos: Sequence[Video]
) -> None:
    """Refuse a manifest of more or fewer videos than the store has rows for."""
    if len(videos) != layout.num_videos:
        raise StoreError(
            f"{store_path.parent / 'manifest.csv'} lists {len(videos)} videos, and the "
            f"store has rows for {layout.num_videos}; restore the manifest that the "
            "faces were extracted with, or use a new run directory."
        )


def rows_of_parts(
    split: Split, videos: Sequence[Video], reader: RowReader
) -> dict[str, Rows]:
    """Return the rows with a face of train, calibration and test, ascending.

    Raises
    ------
    StoreError
        When the manifest lists other videos than the store has rows for.
    """
    refuse_other_manifest(reader.path, reader.layout, videos)
    valid = np.asarray(reader.array("valid"), bool)
    if split.is_leaky:
        return {
            part: np.sort(np.asarray(split.members(part), np.int64)) for part in PARTS
        }
    part_of = {member: part for part in PARTS for member in split.members(part)}
    of_video = np.array([part_of.get(video.video_id, "") for video in videos])
    of_row = np.repeat(of_video, reader.layout.slots_per_video)
    return {part: np.flatnonzero(valid & (of_row == part)) for part in PARTS}
