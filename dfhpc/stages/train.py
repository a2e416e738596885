"""Train: the split, then each model that is not trained yet."""

import importlib.metadata
import logging
from typing import Any

import numpy as np

from dfhpc.cluster.lazy import LazyPool
from dfhpc.config import Settings
from dfhpc.constants import (
    FORMAT_VERSION,
    LABEL_FAKE,
    LABEL_NAMES,
    LABEL_REAL,
    ROW_LENGTH,
)
from dfhpc.errors import IncompleteStageError, SplitError
from dfhpc.models.base import (
    TRAINING_ROWS_NAME,
    TrainingRows,
    check_memory,
    file_digests,
    get_trainer,
)
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.split_rows import rows_of_parts
from dfhpc.splits import Split, split_rows, split_videos
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest

logger = logging.getLogger(__name__)


def is_done(run: RunDirectory, settings: Settings) -> bool:
    """Whether every model is trained."""
    return all(run.model_path(name).exists() for name in settings.train.models)


def train(run: RunDirectory, settings: Settings, pools: LazyPool) -> dict[str, Any]:
    """Train the models that are not trained; return what each was trained on.

    Raises
    ------
    IncompleteStageError
        When extraction is not finished.
    SplitError
        When the videos or the faces found cannot be split as asked.
    ProjectedMemoryError
        When a model does not fit a worker.
    """
    if not run.extracted_path.exists():
        raise IncompleteStageError(
            f"Extraction is not finished; run `dfhpc extract {run.path}`."
        )
    for name in settings.train.models:
        if not run.model_path(name).exists():
            _train_model(run, settings, pools, name)
    return read_cards(run, settings)


def read_cards(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    """Return what each model was trained on."""
    return {name: read_json(run.model_path(name)) for name in settings.train.models}


def load_split(run: RunDirectory, settings: Settings) -> Split:
    """Return the split of a run, made and written the first time."""
    if run.split_path.exists():
        return Split.from_json(read_json(run.split_path))
    if settings.split.kind == "random_rows":
        reader = RowReader(run.store_path)
        labels = np.asarray(reader.array("label"), np.int8)
        rows = np.flatnonzero(np.asarray(reader.array("valid"), bool) & (labels >= 0))
        if len(rows) < 2:
            raise SplitError(f"{len(rows)} labelled faces cannot be split in two.")
        split = split_rows(rows, settings.split)
    else:
        split = split_videos(read_manifest(run.manifest_path), settings.split)
    write_json(run.split_path, split.to_json())
    return split


def _train_model(
    run: RunDirectory, settings: Settings, pools: LazyPool, name: str
) -> None:
    split = load_split(run, settings)
    reader = RowReader(run.store_path)
    training = _training_rows(run, split, reader)
    trainer = get_trainer(name, settings.train)
    pool = pools.get()
    shard_bytes = reader.layout.rows_per_partition * ROW_LENGTH
    projected = trainer.project_bytes(len(training.rows), shard_bytes)
    check_memory(name, projected, pool.worker_memory_bytes)
    logger.info(
        "Training %s on %d faces; at most %.1f GB in a worker.",
        name,
        len(training.rows),
        projected / 1e9,
    )
    training.save(run.model_dir(name) / TRAINING_ROWS_NAME)
    with progress(f"Training {name}", trainer.num_steps, "step") as advance:
        history = trainer.train(run, pool, advance)
    card = {
        "format_version": FORMAT_VERSION,
        "name": name,
        "settings": settings.to_json(),
        "split": {"kind": split.kind, "seed": split.seed, "leaky": split.is_leaky},
        "faces": {
            "real": int((training.labels == LABEL_REAL).sum()),
            "fake": int((training.labels == LABEL_FAKE).sum()),
        },
        "manifest_hash": reader.attribute("manifest_hash"),
        "versions": _versions() | reader.attribute("detector_versions"),
        "history": history,
        "projected_bytes": projected,
        "files": file_digests(run.model_dir(name), trainer.files()),
    }
    write_json(run.model_path(name), card)


def _training_rows(run: RunDirectory, split: Split, reader: RowReader) -> TrainingRows:
    rows = rows_of_parts(split, read_manifest(run.manifest_path), reader)["train"]
    labels = np.asarray(reader.array("label")[rows], np.int8)
    missing = {LABEL_REAL, LABEL_FAKE} - set(labels.tolist())
    if missing:
        names = " and no ".join(LABEL_NAMES[label] for label in sorted(missing))
        raise SplitError(
            f"No {names} face was found in the training videos; "
            f"see `dfhpc status {run.path}`."
        )
    return TrainingRows(rows, labels)


def _versions() -> dict[str, str]:
    names = ("dfhpc", "numpy", "scikit-learn", "zarr", "av")
    return {name: importlib.metadata.version(name) for name in names}
