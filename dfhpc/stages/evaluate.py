"""Evaluate: score the held-out rows of every model, and say how good that is."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.audit import audit_parts
from dfhpc.cluster.lazy import LazyPool
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.config import Settings, TrainConfig
from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import IncompleteStageError
from dfhpc.evaluation import ScoredFrames, evaluate_part
from dfhpc.models.base import Scores, load_cached
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_record, write_json, write_text
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.splits import PARTS, Split
from dfhpc.store.reading import RowReader, Rows
from dfhpc.videos.manifest import Video, read_manifest

SCORED_PARTS = ("calibration", "test")


def is_done(run: RunDirectory, settings: Settings) -> bool:
    """Whether the models as they are now have been evaluated."""
    if not run.evaluation_path.exists():
        return False
    evaluated = read_record(run.evaluation_path, "models_hash")["models_hash"]
    return bool(evaluated == _models_hash(run, settings))


def _models_hash(run: RunDirectory, settings: Settings) -> str:
    """Return a hash over what every model is, so that a retrained one shows."""
    digest = hashlib.sha256()
    for name in settings.train.models:
        path = run.model_path(name)
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def evaluate(run: RunDirectory, settings: Settings, pools: LazyPool) -> dict[str, Any]:
    """Score, measure and audit; return what ``evaluation.json`` then holds.

    Raises
    ------
    IncompleteStageError
        When a model is not trained.
    """
    missing = [n for n in settings.train.models if not run.model_path(n).exists()]
    if missing:
        raise IncompleteStageError(
            f"{', '.join(missing)} not trained yet; run `dfhpc train {run.path}`."
        )
    if is_done(run, settings):
        return load_evaluation(run)
    split = load_split(run, settings.split)
    videos = read_manifest(run.manifest_path)
    reader = RowReader(run.store_path)
    rows = rows_of_parts(split, videos, reader)
    scored = np.sort(np.concatenate([rows[part] for part in SCORED_PARTS]))
    scores = _score_rows(run, settings, pools, reader, scored)
    frames = ScoredFrames.gather(reader, videos, scored, scores)
    write_text(run.evaluation_dir / "frames.csv", frames.to_csv())
    result = _result(run, settings, split, frames, _videos_of(rows, reader, videos))
    write_json(run.evaluation_path, result)
    return result


def _result(
    run: RunDirectory,
    settings: Settings,
    split: Split,
    frames: ScoredFrames,
    part_videos: dict[str, list[Video]],
) -> dict[str, Any]:
    parts = {
        part: frames.only({video.video_id for video in part_videos[part]})
        for part in SCORED_PARTS
    }
    if split.is_leaky:
        parts = {"test": frames}
    return {
        "format_version": FORMAT_VERSION,
        "models_hash": _models_hash(run, settings),
        "split": {
            "kind": split.kind,
            "seed": split.seed,
            "leaky": split.is_leaky,
            "unused": split.unused,
        },
        "audit": audit_parts(dict(part_videos)),
        "not_scored": _not_scored(split, part_videos),
        "models": {
            name: {
                part: evaluate_part(found, name, split.seed)
                for part, found in parts.items()
                if len(found.rows)
            }
            for name in settings.train.models
        },
    }


def _not_scored(split: Split, part_videos: dict[str, list[Video]]) -> dict[str, int]:
    """Return how many videos of each part have no face, and so no score."""
    if split.is_leaky:
        return dict.fromkeys(PARTS, 0)
    return {part: len(split.members(part)) - len(part_videos[part]) for part in PARTS}


def _videos_of(
    rows: dict[str, Rows], reader: RowReader, videos: list[Video]
) -> dict[str, list[Video]]:
    """Return the videos that have a face in each part."""
    size = reader.layout.frames_per_video
    return {part: [videos[i] for i in np.unique(rows[part] // size)] for part in PARTS}


def _score_rows(
    run: RunDirectory,
    settings: Settings,
    pools: LazyPool,
    reader: RowReader,
    rows: Rows,
) -> dict[str, Scores]:
    """Return the scores of ``rows`` under each model, a partition a unit."""
    names = settings.train.models
    partitions = [int(index) for index in reader.partitions_of(rows)]
    scores: dict[str, Scores] = {name: np.zeros(len(rows)) for name in names}
    units = _units(run, settings, partitions, rows, reader)
    with progress("Evaluating", len(partitions), "partition") as advance:
        for _, (found, by_name) in run_units(pools.get(), units):
            at = np.searchsorted(rows, found)
            for name in names:
                scores[name][at] = by_name[name]
            advance(1)
    return scores


def _units(
    run: RunDirectory,
    settings: Settings,
    partitions: list[int],
    rows: Rows,
    reader: RowReader,
) -> Iterable[Unit]:
    size = reader.layout.rows_per_partition
    for index in partitions:
        inside = rows[(rows >= index * size) & (rows < (index + 1) * size)]
        yield Unit.fixed(
            f"score-{index:06d}",
            score_partition,
            run.path,
            settings.train,
            index,
            inside,
        )


def score_partition(
    run_dir: Path, train: TrainConfig, index: int, rows: Rows
) -> tuple[Rows, dict[str, Scores]]:
    """Return ``rows`` of a partition and their scores under each model."""
    run = RunDirectory(run_dir)
    found, pixels = RowReader(run.store_path).read_partition(index, rows)
    return found, {
        name: load_cached(run, name, train).score(pixels) for name in train.models
    }


def load_evaluation(run: RunDirectory) -> dict[str, Any]:
    """Return the evaluation of a run.

    Raises
    ------
    IncompleteStageError
        When there is none.
    """
    if not run.evaluation_path.exists():
        raise IncompleteStageError(
            f"{run.path} is not evaluated; run `dfhpc evaluate {run.path}`."
        )
    return read_record(run.evaluation_path, "models", "split", "audit", "not_scored")
