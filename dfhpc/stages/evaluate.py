"""Evaluate: score the held-out rows of every model, and say how good that is."""

import hashlib
import json
import logging
from typing import Any

import numpy as np

from dfhpc import calibration
from dfhpc.audit import audit_parts
from dfhpc.cluster.lazy import LazyPool
from dfhpc.cluster.memory import check_memory
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.config import Settings, SplitVariant
from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import IncompleteStageError, ProjectedMemoryError
from dfhpc.evaluation import ScoredFrames, evaluate_part, video_scores
from dfhpc.evaluation_shape import read_evaluation
from dfhpc.model_card import write_model_card
from dfhpc.models.base import model_digest
from dfhpc.models.gram import finished_gram
from dfhpc.models.projection import project_bytes, project_rows
from dfhpc.models.scoring import score_rows
from dfhpc.reporting.figures import save_rows_figure
from dfhpc.reporting.reliability_figure import save_reliability_figure
from dfhpc.runs import RunDirectory, read_record, write_json, write_text
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.splits import PARTS, Split
from dfhpc.store.reading import RowReader, Rows
from dfhpc.usage.summary import read_usage, training_cost
from dfhpc.videos.manifest import Video, read_manifest

logger = logging.getLogger(__name__)

EVALUATION_KEYS = ("models", "split", "audit", "not_scored", "beside", "costs")

SCORED_PARTS = ("calibration", "test")

LEAKY_WHY = (
    "The split is leaky: frames of one video train and test, so no video is left that "
    "a calibration could rest on."
)


def is_done(run: RunDirectory, settings: Settings) -> bool:
    """Whether the models as they are now have been evaluated."""
    if not run.evaluation_path.exists():
        return False
    evaluated = read_record(run.evaluation_path, "models_hash")["models_hash"]
    return bool(evaluated == _models_hash(run, settings))


def _models_hash(run: RunDirectory, settings: Settings) -> str:
    """Return a hash over what every model is, so that a retrained one shows.

    And over what is asked of verdicts, which the thresholds follow.
    """
    asked = settings.verdict.false_positive_rate
    digest = hashlib.sha256(json.dumps({"false_positive_rate": asked}).encode())
    for training in settings.trainings():
        path = run.model_path(training.model_id)
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def evaluate(run: RunDirectory, settings: Settings, pools: LazyPool) -> dict[str, Any]:
    """Score, measure and audit; return what ``evaluation.json`` then holds.

    Raises
    ------
    IncompleteStageError
        When a model is not trained.
    """
    ids = [training.model_id for training in settings.trainings()]
    missing = [name for name in ids if not run.model_path(name).exists()]
    if missing:
        raise IncompleteStageError(
            f"{', '.join(missing)} not trained yet; run `dfhpc train {run.path}`."
        )
    if is_done(run, settings):
        return load_evaluation(run)
    found = [
        _evaluate_variant(run, settings, pools, variant)
        for variant in settings.variants()
    ]
    used = read_usage(run.usage_dir)
    result = {
        "format_version": FORMAT_VERSION,
        "models_hash": _models_hash(run, settings),
        **found[0],
        "beside": found[1] if len(found) > 1 else None,
        "costs": {
            name: used[cost] for name in ids if (cost := training_cost(name)) in used
        },
    }
    for name, entry in probabilities_of(result).items():
        path = run.evaluation_dir / f"reliability-{name}.png"
        save_reliability_figure(path, name, entry)
        write_model_card(run, name, result)
    write_json(run.evaluation_path, result)
    return result


def _evaluate_variant(
    run: RunDirectory, settings: Settings, pools: LazyPool, variant: SplitVariant
) -> dict[str, Any]:
    """Return what the models of one split are worth; write the scores of frames."""
    split = load_split(run, variant)
    videos = read_manifest(run.manifest_path)
    reader = RowReader(run.store_path)
    rows = rows_of_parts(split, videos, reader)
    scored = np.sort(np.concatenate([rows[part] for part in SCORED_PARTS]))
    names = [t.model_id for t in settings.trainings() if t.variant == variant]
    scores = score_rows(run, pools.get(), names, reader, scored)
    frames = ScoredFrames.gather(reader, videos, scored, scores)
    path = run.evaluation_dir / f"frames{variant.suffix}.csv"
    write_text(path, frames.to_csv())
    _draw_rows(run, pools.get(), variant, rows, reader)
    part_videos = _videos_of(rows, reader, videos)
    parts = _parts(split, frames, part_videos)
    found = _result(names, split, parts, part_videos)
    rate = settings.verdict.false_positive_rate
    known = _probabilities(names, split, parts, rate)
    for name, entry in known.items():
        entry["model_digest"] = model_digest(run, name)
    return found | {"probabilities": known}


def _draw_rows(
    run: RunDirectory,
    pool: WorkPool,
    variant: SplitVariant,
    rows: dict[str, Rows],
    reader: RowReader,
) -> None:
    """Picture the rows by their principal components, if a Gram matrix holds them."""
    gram = finished_gram(run, rows["train"])
    if gram is None:
        return
    try:
        check_memory("The picture", project_bytes(len(rows["train"])), pool)
    except ProjectedMemoryError as error:
        logger.warning("No picture of the rows is drawn: %s", error)
        return
    every = np.sort(np.concatenate([rows[part] for part in PARTS]))
    unit = Unit.fixed("project-rows", project_rows, gram, rows["train"], every)
    [(_, found)] = list(run_units(pool, [unit]))
    save_rows_figure(
        run.evaluation_dir / f"rows{variant.suffix}.png",
        found.coordinates,
        found.shares,
        np.asarray(reader.array("label")[every], np.int8),
        np.isin(every, rows["train"]),
    )


def _parts(
    split: Split, frames: ScoredFrames, part_videos: dict[str, list[Video]]
) -> dict[str, ScoredFrames]:
    """Return the scored frames of each part; of a leaky split all are called test."""
    if split.is_leaky:
        return {"test": frames}
    return {
        part: frames.only({video.video_id for video in part_videos[part]})
        for part in SCORED_PARTS
    }


def _probabilities(
    names: list[str], split: Split, parts: dict[str, ScoredFrames], rate: float
) -> dict[str, Any]:
    """Return map, threshold and measured rates of each model.

    Fitted on the calibration part alone; what is fitted is then measured on the test
    part, and does not change.
    """
    found = {}
    for name in names:
        own, fitted = calibration.NO_VIDEOS, calibration.uncalibrated(LEAKY_WHY, rate)
        if "calibration" in parts:
            own = video_scores(parts["calibration"], name)
            fitted = calibration.fit(own, rate, split.seed)
        test = video_scores(parts["test"], name) if len(parts["test"].rows) else None
        found[name] = calibration.to_json(fitted, own, test)
    return found


def _result(
    names: list[str],
    split: Split,
    parts: dict[str, ScoredFrames],
    part_videos: dict[str, list[Video]],
) -> dict[str, Any]:
    return {
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
            for name in names
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
    positions = {part: reader.layout.video_of(rows[part]) for part in PARTS}
    return {part: [videos[i] for i in np.unique(positions[part])] for part in PARTS}


def probabilities_of(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of each model's scores, the split beside included."""
    beside = evaluation["beside"] or {}
    both = (evaluation, beside)
    return {k: v for each in both for k, v in each.get("probabilities", {}).items()}


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
    return read_evaluation(run, *EVALUATION_KEYS)
