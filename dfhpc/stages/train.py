"""Train: the split, then each model that is not trained yet."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from dfhpc.cluster.lazy import LazyPool
from dfhpc.cluster.memory import check_memory
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.config import Settings, Training
from dfhpc.constants import (
    FORMAT_VERSION,
    LABEL_FAKE,
    LABEL_REAL,
    ROW_LENGTH,
)
from dfhpc.errors import IncompleteStageError
from dfhpc.model_card import write_model_card
from dfhpc.model_configs import CnnConfig, ModelConfig
from dfhpc.models.base import (
    TrainingRows,
    Watchful,
    file_digests,
    get_trainer,
)
from dfhpc.models.cards import read_card
from dfhpc.models.files import load_arrays
from dfhpc.models.self_test import SELF_TEST_NAME, write_self_test
from dfhpc.models.training import begin_model, calibration_rows, training_rows
from dfhpc.quality_ranges import MEASURES, quality_ranges
from dfhpc.recipes import parse_model_config
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_record, write_json
from dfhpc.split_rows import load_split
from dfhpc.splits import require_both
from dfhpc.store.reading import RowReader
from dfhpc.training_facts import training_facts
from dfhpc.usage.summary import training_cost
from dfhpc.versions import library_versions
from dfhpc.videos.manifest import read_manifest

logger = logging.getLogger(__name__)

LEAST_DIFFERENCE = 1e-6
"""Scores of the self-test's rows that differ by less are equal."""

Measured = Callable[[str], AbstractContextManager[None]]


def is_done(run: RunDirectory, settings: Settings) -> bool:
    """Whether every model is trained."""
    return all(is_trained(run, model_id) for model_id in model_ids(settings))


def model_ids(settings: Settings) -> list[str]:
    """Return the folders of all models to train."""
    return [training.model_id for training in settings.trainings()]


def is_trained(run: RunDirectory, model_id: str) -> bool:
    """Whether a model has its mark and all its files."""
    if not run.model_path(model_id).exists():
        return False
    files = read_record(run.model_path(model_id), "files")["files"]
    return all((run.model_dir(model_id) / file).exists() for file in files)


def train(
    run: RunDirectory, settings: Settings, pools: LazyPool, measured: Measured
) -> dict[str, Any]:
    """Train the models that are not trained; return what each was trained on.

    ``measured`` is entered around each model, with the name its cost goes by.

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
    for training in settings.trainings():
        if not is_trained(run, training.model_id):
            with measured(training_cost(training.model_id)):
                _train_model(run, settings, pools, training)
    return read_cards(run, settings)


def read_cards(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    """Return what each model was trained on."""
    return {model_id: read_card(run, model_id) for model_id in model_ids(settings)}


def best_settings(
    run: RunDirectory, settings: Settings, training: Training
) -> ModelConfig:
    """Return a model's settings: the best of its grid if there is one, else its own.

    Raises
    ------
    IncompleteStageError
        When its grid has not been searched.
    """
    if training.name not in settings.search.grids:
        return settings.train.settings_of(training.name)
    path = run.search_path(training.model_id)
    if not path.exists():
        raise IncompleteStageError(
            f"The grid of {training.model_id} is not searched; run "
            f"`dfhpc search {run.path}`."
        )
    return parse_model_config(read_record(path, "model")["model"], str(path))


def plan(run: RunDirectory, settings: Settings) -> None:
    """Find out before hours of extraction whether the videos can be split at all.

    And whether what models need from elsewhere is there.

    Raises
    ------
    SplitError
        When they cannot.
    ModelError
        When a model lacks what it begins with.
    """
    for variant in settings.variants():
        has_calibration = False
        if variant.config.kind == "random_rows":
            require_both(read_manifest(run.manifest_path), "the data")
        else:
            has_calibration = bool(load_split(run, variant).calibration)
        for training in settings.trainings():
            if training.variant == variant and not is_trained(run, training.model_id):
                _plan_model(settings, training, has_calibration=has_calibration)


def _plan_model(
    settings: Settings, training: Training, *, has_calibration: bool
) -> None:
    for config in settings.candidates(training.name):
        if isinstance(config, CnnConfig):
            # Other kinds need nothing, and would be imported here for that answer.
            trainer = get_trainer(training.model_id, config)
            if isinstance(trainer, Watchful):
                trainer.plan(has_calibration=has_calibration)


def _train_model(
    run: RunDirectory, settings: Settings, pools: LazyPool, training: Training
) -> None:
    name = training.model_id
    split = load_split(run, training.variant)
    reader = RowReader(run.store_path)
    rows = training_rows(run, split, reader)
    config = best_settings(run, settings, training)
    trainer = get_trainer(name, config)
    pool = pools.get()
    shard_bytes = reader.layout.rows_per_partition * ROW_LENGTH
    projected = trainer.project_bytes(len(rows.rows), shard_bytes)
    check_memory(name, projected, pool)
    logger.info(
        "Training %s on %d faces; at most %.1f GB in a worker.",
        name,
        len(rows.rows),
        projected / 1e9,
    )
    watched = None
    if isinstance(trainer, Watchful):
        watched = calibration_rows(run, split, reader)
        trainer.plan(has_calibration=len(watched.rows) > 0)
    begin_model(run, name, [config], rows, watched)
    with progress(f"Training {name}", trainer.num_steps, "step") as advance:
        history = trainer.train(run, pool, advance)
    _keep_self_test(run, pool, name, config)
    if isinstance(config, CnnConfig):
        _warn_of_equal_scores(run, name)
    card = {
        "format_version": FORMAT_VERSION,
        "name": name,
        "settings": settings.to_json(),
        "model": config.model_dump(mode="json"),
        "split": {"kind": split.kind, "seed": split.seed, "leaky": split.is_leaky},
        **_learned_from(run, settings, reader, rows),
        "manifest_hash": reader.attribute("manifest_hash"),
        "versions": library_versions(config.kind)
        | reader.attribute("detector_versions"),
        "history": history,
        "projected_bytes": projected,
        "files": file_digests(run.model_dir(name), (*trainer.files(), SELF_TEST_NAME)),
    }
    write_json(run.model_path(name), card)
    write_model_card(run, name)


def _keep_self_test(
    run: RunDirectory, pool: WorkPool, name: str, config: ModelConfig
) -> None:
    """Have a worker, which may load what the model needs, score some of its rows."""
    unit = Unit.fixed(f"{name}-self-test", write_self_test, run.path, name, config)
    for _ in run_units(pool, [unit]):
        pass


def _warn_of_equal_scores(run: RunDirectory, name: str) -> None:
    """Tell of a network that gives a real and a fake face the same score."""
    scores = load_arrays(run.model_dir(name) / SELF_TEST_NAME)["scores"]
    if np.ptp(scores) < LEAST_DIFFERENCE:
        logger.warning(
            "All scores of %s are equal: it has learned nothing yet; more epochs, or "
            'weights = "imagenet", may help.',
            name,
        )


def _learned_from(
    run: RunDirectory, settings: Settings, reader: RowReader, rows: TrainingRows
) -> dict[str, Any]:
    """Return what is known of the rows that a model has learned from."""
    videos = read_manifest(run.manifest_path)
    places = np.unique(reader.layout.video_of(rows.rows))
    return {
        "faces": {
            "real": int((rows.labels == LABEL_REAL).sum()),
            "fake": int((rows.labels == LABEL_FAKE).sum()),
        },
        "trained": training_facts(settings.data, [videos[at] for at in places]),
        "quality": quality_ranges(
            {name: reader.array(name)[rows.rows] for name in MEASURES}
        ),
    }
