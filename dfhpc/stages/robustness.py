"""Robustness: what becomes of the scores when test videos are made worse."""

import hashlib
import json
from typing import Any

import numpy as np

from dfhpc.cluster.lazy import LazyPool
from dfhpc.cluster.memory import PROCESS_BYTES, check_memory
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.config import Settings, SplitVariant
from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import IncompleteStageError, SplitError
from dfhpc.faces.detector import DETECTOR_BYTES
from dfhpc.models.scoring import BYTES_PER_ROW
from dfhpc.other_run import models_hash
from dfhpc.reporting.cross_figures import save_robustness_figure
from dfhpc.reporting.progress import progress
from dfhpc.robustness.choice import choose_videos
from dfhpc.robustness.kinds import KINDS, conditions, describe, usable_kinds
from dfhpc.robustness.summary import count_videos, notes, summarize
from dfhpc.robustness.unit import mark_path, measure_video, read_mark
from dfhpc.runs import RunDirectory, read_record, write_json
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.splits import Split
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import Video, read_manifest

RESULT_KEYS = ("asked", "models_hash", "videos", "baseline", "kinds", "notes")

ENCODERS_BYTES = 1024**3
"""Several encoders at once, for frames of 1080 lines."""


def known_result(
    run: RunDirectory, settings: Settings, max_videos: int
) -> dict[str, Any] | None:
    """Return what is written, None unless it was asked of these models and videos."""
    if not run.robustness_path.exists():
        return None
    found = read_record(run.robustness_path, *RESULT_KEYS)
    is_same = (
        found["asked"] == _asked(run, settings)
        and found["videos"]["asked"] == max_videos
    )
    return found if is_same else None


def measure(
    run: RunDirectory, settings: Settings, max_videos: int, pools: LazyPool
) -> dict[str, Any]:
    """Score test videos that were made worse; write and return the curves.

    Raises
    ------
    SplitError
        When no split of the run keeps whole videos for its test.
    """
    variant = _honest_variant(settings)
    split = load_split(run, variant)
    videos = read_manifest(run.manifest_path)
    chosen = choose_videos(
        videos, _test_positions(run, split, videos), max_videos, split.seed
    )
    asked = _asked(run, settings)
    names = _names(settings, variant)
    _measure_missing(run, settings, pools, names, chosen, asked)
    marks = [read_mark(run, position, asked) for position in chosen]
    own = [videos[position] for position in chosen]
    kinds = usable_kinds()
    said = notes(own, kinds, max_videos)
    if len(kinds) < len(KINDS):
        said.append("Videos were not encoded again: this PyAV has no libx264.")
    found = {
        "format_version": FORMAT_VERSION,
        "asked": asked,
        "models_hash": models_hash(run),
        "split": {"kind": split.kind, "seed": split.seed, "leaky": False},
        "videos": {"asked": max_videos, **count_videos(own)},
        **summarize(
            own, [mark for mark in marks if mark is not None], kinds, split.seed
        ),
        "notes": said,
    }
    save_robustness_figure(run.robustness_path.with_suffix(".png"), found)
    write_json(run.robustness_path, found)
    return found


def _honest_variant(settings: Settings) -> SplitVariant:
    """Return the split whose test part is of whole videos."""
    for variant in settings.variants():
        if variant.config.kind != "random_rows":
            return variant
    raise SplitError(
        "Under split.kind = random_rows every video also trains, so none can show what "
        "changes do to new ones; set split.beside = group and run again."
    )


def _names(settings: Settings, variant: SplitVariant) -> list[str]:
    return [t.model_id for t in settings.trainings() if t.variant == variant]


def _asked(run: RunDirectory, settings: Settings) -> str:
    """Return a hash of what the scores of a video depend on."""
    if not run.evaluation_path.exists():
        raise IncompleteStageError(
            f"{run.path} is not evaluated; run `dfhpc evaluate {run.path}`."
        )
    facts = [
        FORMAT_VERSION,
        models_hash(run),
        RowReader(run.store_path).identity,
        describe(usable_kinds()),
        _names(settings, _honest_variant(settings)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _test_positions(run: RunDirectory, split: Split, videos: list[Video]) -> list[int]:
    """Return the positions of the test videos with a face."""
    reader = RowReader(run.store_path)
    rows = rows_of_parts(split, videos, reader)["test"]
    positions: list[int] = np.unique(reader.layout.video_of(rows)).tolist()
    return positions


def _measure_missing(
    run: RunDirectory,
    settings: Settings,
    pools: LazyPool,
    names: list[str],
    chosen: list[int],
    asked: str,
) -> None:
    missing = [p for p in chosen if read_mark(run, p, asked) is None]
    if not missing:
        return
    pool = pools.get()
    check_memory("Robustness", _project_bytes(settings), pool)
    for position in missing:
        mark_path(run, position).unlink(missing_ok=True)
    units = [
        Unit.fixed(
            f"robustness-{position:06d}",
            measure_video,
            *(run.path, position, names, asked),
        )
        for position in missing
    ]
    done = len(chosen) - len(missing)
    with progress("Making worse", len(chosen), "video", done) as advance:
        for _ in run_units(pool, units):
            advance(1)


def _project_bytes(settings: Settings) -> int:
    """Return a worker's peak: detector, encoders, a video's faces under all changes."""
    extract = settings.extract
    slots = extract.frames_per_video * extract.people_per_video
    faces = slots * (1 + len(conditions(usable_kinds())))
    detector = DETECTOR_BYTES[extract.detector]
    return PROCESS_BYTES + detector + ENCODERS_BYTES + faces * BYTES_PER_ROW
