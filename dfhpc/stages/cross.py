"""Cross: what the models of a run are worth on the faces of another."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.lazy import LazyPool
from dfhpc.config import Settings, SplitVariant
from dfhpc.constants import FORMAT_VERSION, LABEL_FAKE, LABEL_NAMES, LABEL_REAL
from dfhpc.errors import IncompleteStageError
from dfhpc.evaluation import ScoredFrames, evaluate_part
from dfhpc.models.scoring import score_foreign_rows
from dfhpc.other_run import (
    OtherRun,
    current_result,
    describe,
    differences,
    in_part,
    models_hash,
    warnings_on,
)
from dfhpc.runs import RunDirectory, write_json, write_text
from dfhpc.split_rows import load_split, rows_of_parts
from dfhpc.splits import LABELS, Split
from dfhpc.store.reading import RowReader, Rows
from dfhpc.strangers import SCORED, Standing, VideoSet, count_standings, sort_out
from dfhpc.videos.manifest import read_manifest

NAME_LENGTH = 60


def result_path(run: RunDirectory, other: OtherRun) -> Path:
    """Return where the result is written: the other's name, and what its faces are.

    The same faces have the same place, wherever their run was moved to.
    """
    made = [other.reader.attribute(key) for key in ("manifest_hash", "extract")]
    text = json.dumps([*made, other.part], sort_keys=True)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", other.run.path.name)[:NAME_LENGTH]
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return run.on_dir / f"{name}-{digest}.json"


def known_result(run: RunDirectory, other: OtherRun) -> dict[str, Any] | None:
    """Return the result on another run, None unless both are what they were then."""
    path = result_path(run, other)
    if not path.exists() or not run.evaluation_path.exists():
        return None
    found = current_result(run, path)
    return found if found is not None and found["asked"] == other.identity else None


def evaluate_on(
    run: RunDirectory, settings: Settings, other: OtherRun, pools: LazyPool
) -> dict[str, Any]:
    """Score the other run's faces, measure, and return what is written.

    Nothing is learnt or chosen here: thresholds and settings are those of the models.

    Raises
    ------
    IncompleteStageError
        When the run is not evaluated on its own test part.
    """
    if not run.evaluation_path.exists():
        raise IncompleteStageError(
            f"{run.path} is not evaluated; run `dfhpc evaluate {run.path}`."
        )
    if (known := known_result(run, other)) is not None:
        return known
    variants = [
        _on_variant(run, settings, other, pools, v) for v in settings.variants()
    ]
    result = {
        "format_version": FORMAT_VERSION,
        "models_hash": models_hash(run),
        "asked": other.identity,
        "run": describe(run, settings),
        "other": describe(other.run, other.settings),
        "part": other.part,
        "differences": (found := differences(run, other)),
        "warnings": warnings_on(found, run, other),
        **variants[0],
        "beside": variants[1] if len(variants) > 1 else None,
    }
    write_json(result_path(run, other), result)
    return result


def _on_variant(
    run: RunDirectory,
    settings: Settings,
    other: OtherRun,
    pools: LazyPool,
    variant: SplitVariant,
) -> dict[str, Any]:
    """Return what the models of one split are worth on the faces of another run."""
    split = load_split(run, variant)
    standings = _standings(run, settings, split, other)
    inside = in_part(other)
    labels = np.array([video.label for video in other.videos])
    kept = np.array([s in SCORED for s in standings]) & inside & np.isin(labels, LABELS)
    rows = _rows(other, kept)
    names = [t.model_id for t in settings.trainings() if t.variant == variant]
    with_face = np.zeros(len(other.videos), bool)
    with_face[np.unique(other.reader.layout.video_of(rows))] = True
    counts = {
        "in_part": int(inside.sum()),
        "without_label": int((inside & ~np.isin(labels, LABELS)).sum()),
        "standings": count_standings(
            [s for s, asked in zip(standings, inside, strict=True) if asked]
        ),
        "without_face": int((kept & ~with_face).sum()),
        "scored": int(with_face.sum()),
        "real": int((with_face & (labels == LABEL_REAL)).sum()),
        "fake": int((with_face & (labels == LABEL_FAKE)).sum()),
        "groups": len({other.videos[i].group_id for i in np.flatnonzero(with_face)}),
    }
    found = {
        "split": {"kind": split.kind, "seed": split.seed, "leaky": split.is_leaky},
        "videos": counts,
        "why": why_nothing(counts, other.run.path.name),
        "note": _one_class(counts),
        "models": {},
    }
    if not len(rows):
        return found
    scores = score_foreign_rows(run, pools.get(), names, other.reader, rows)
    frames = ScoredFrames.gather(other.reader, other.videos, rows, scores)
    table = result_path(run, other).with_suffix(f".frames{variant.suffix}.csv")
    write_text(table, frames.to_csv())
    models = {name: evaluate_part(frames, name, split.seed) for name in names}
    return found | {"models": models}


def why_nothing(counts: dict[str, Any], name: str) -> str:
    """Return a sentence on why no video is scored, empty if one is.

    >>> counts = dict(in_part=2, without_label=2, scored=0, without_face=0)
    >>> counts["standings"] = {"seen": 0, "unused": 0}
    >>> why_nothing(counts, "B")
    'No video of B can be scored: of 2, 2 have no label.'
    """
    if counts["scored"]:
        return ""
    reasons = {
        "have no label": counts["without_label"],
        "show people of the training or calibration part": counts["standings"]["seen"],
        "show people that the run knows and does not test": counts["standings"][
            "unused"
        ],
        "have no face": counts["without_face"],
    }
    said = [f"{count} {words}" for words, count in reasons.items() if count]
    return f"No video of {name} can be scored: of {counts['in_part']}, " + (
        f"{', '.join(said) or 'none is left'}."
    )


def _one_class(counts: dict[str, Any]) -> str:
    """Return a sentence for videos of one class, which give rates and no AUC."""
    there = [name for name in LABEL_NAMES.values() if counts.get(name)]
    if len(there) != 1:
        return ""
    return (
        f"All videos scored are {there[0]}: that gives the share called fake, and no "
        "ROC AUC."
    )


def _standings(
    run: RunDirectory, settings: Settings, split: Split, other: OtherRun
) -> list[Standing]:
    own = read_manifest(run.manifest_path)
    if split.is_leaky:
        reader = RowReader(run.store_path)
        rows = rows_of_parts(split, own, reader)
        learnt = np.concatenate([rows["train"], rows["calibration"]])
        positions = np.unique(reader.layout.video_of(learnt)).tolist()
        seen, tested = [own[position].video_id for position in positions], []
    else:
        seen = [str(member) for member in (*split.train, *split.calibration)]
        tested = [str(member) for member in split.test]
    return sort_out(
        VideoSet(own, settings.data.path),
        seen,
        tested,
        VideoSet(other.videos, other.settings.data.path),
    )


def _rows(other: OtherRun, kept: NDArray[np.bool_]) -> Rows:
    """Return the rows with a face of the videos to score, ascending."""
    valid = np.asarray(other.reader.array("valid"), bool)
    size = other.reader.layout.slots_per_video
    return np.flatnonzero(valid & np.repeat(kept, size))
