"""What the scores of the test part show beyond single numbers: curves, intervals."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.errors import RunDirectoryError
from dfhpc.evaluation import CSV_COLUMNS, ScoredFrames, by_video
from dfhpc.metrics import MIN_GROUPS, NUM_BOOTSTRAPS, THRESHOLD
from dfhpc.runs import RunDirectory, read_record
from dfhpc.split_rows import rows_of_parts
from dfhpc.splits import PARTS, Split
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import Video

Labels = NDArray[np.int8]
Scores = NDArray[np.float64]


def read_test_scores(
    run: RunDirectory, suffix: str, videos: Sequence[Video]
) -> tuple[ScoredFrames, int]:
    """Return the scored frames of the test part of a split, and the split's seed.

    Raises
    ------
    RunDirectoryError
        When the table of scores is gone, or is not of the split that is there.
    StoreError
        When the store is gone.
    """
    path = run.split_variant_path(suffix)
    split = Split.from_json(read_record(path, "kind", "seed", *PARTS, "unused"))
    reader = RowReader(run.store_path)
    rows = rows_of_parts(split, videos, reader)
    scored = np.sort(np.concatenate([rows["calibration"], rows["test"]]))
    scores = _read_scores(run.evaluation_dir / f"frames{suffix}.csv", len(scored))
    frames = ScoredFrames.gather(reader, videos, scored, scores)
    return frames.where(np.isin(scored, rows["test"])), split.seed


def _read_scores(path: Path, count: int) -> dict[str, Scores]:
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            lines = csv.reader(file)
            names = next(lines, [])[len(CSV_COLUMNS) :]
            values = [[float(x) for x in line[len(CSV_COLUMNS) :]] for line in lines]
    except (OSError, ValueError) as error:
        raise RunDirectoryError(f"{path} cannot be read ({error}).") from error
    if len(values) != count:
        raise RunDirectoryError(
            f"{path} has {len(values)} scores, and the split has {count} faces."
        )
    table = np.array(values, np.float64).reshape(count, len(names))
    return {name: table[:, at] for at, name in enumerate(names)}


def curves_of(frames: ScoredFrames, name: str, seed: int) -> dict[str, Any]:
    """Return ROC points and intervals of a model, by level."""
    videos, video_scores = by_video(frames, frames.scores[name])
    labels = np.array([video.label for video in videos], np.int8)
    levels = {
        "frame": (frames.labels, frames.scores[name], frames.videos),
        "video": (labels, video_scores, tuple(videos)),
    }
    return {
        "roc": {level: roc_points(y, s) for level, (y, s, _) in levels.items()},
        "intervals_95": {
            level: class_intervals(y, s, [video.group_id for video in of], seed)
            for level, (y, s, of) in levels.items()
        },
    }


def roc_points(labels: Labels, scores: Scores) -> list[tuple[float, float]]:
    """Return false and true positive rates from none called fake to all called fake.

    Empty without both classes.

    >>> roc_points(np.array([0, 1], np.int8), np.array([0.2, 0.8]))
    [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    """
    from sklearn.metrics import roc_curve

    if len(np.unique(labels)) < 2:
        return []
    false_fake, true_fake, _ = roc_curve(labels, scores)
    return list(zip(false_fake.tolist(), true_fake.tolist(), strict=True))


def class_intervals(
    labels: Labels, scores: Scores, groups: Sequence[str], seed: int
) -> dict[str, list[float] | None]:
    """Return 95 % intervals of precision, recall and F1 of fakes, by whole groups.

    None with fewer than five groups, as for accuracy and ROC AUC.
    """
    names = ("precision", "recall", "f1-score")
    _, of_group = np.unique(np.asarray(groups, object).astype(str), return_inverse=True)
    size = int(of_group.max(initial=-1)) + 1
    if size < MIN_GROUPS:
        return dict.fromkeys(names)
    called, fake = scores > THRESHOLD, labels == 1
    # How many of each group are rightly called fake, called fake, and fake.
    counts = np.stack(
        [np.bincount(of_group, x, size) for x in (called & fake, called, fake)]
    )
    drawn = np.random.default_rng(seed).integers(0, size, (NUM_BOOTSTRAPS, size))
    right, named, fakes = counts[:, drawn].sum(axis=2)
    values = {
        "precision": _ratio(right, named),
        "recall": _ratio(right, fakes),
        "f1-score": _ratio(2 * right, named + fakes),
    }
    return {
        name: np.percentile(found, [2.5, 97.5]).tolist()
        for name, found in values.items()
    }


def _ratio(part: Scores, whole: Scores) -> Scores:
    """Return shares; 0 of nothing, as scikit-learn's table of classes has it."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
