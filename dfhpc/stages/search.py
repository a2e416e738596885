"""Search: which of several settings does best on folds of the training part."""

import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.lazy import LazyPool
from dfhpc.cluster.memory import check_memory
from dfhpc.config import Settings, Training
from dfhpc.constants import FORMAT_VERSION, ROW_LENGTH
from dfhpc.errors import IncompleteStageError, SplitError
from dfhpc.metrics import measure
from dfhpc.model_configs import ModelConfig
from dfhpc.models.base import TrainingRows, get_trainer, is_on_features
from dfhpc.models.gram import ensure_gram
from dfhpc.models.training import begin_model, training_rows
from dfhpc.models.trials import (
    Trial,
    families,
    is_on_gram,
    run_on_features,
    run_on_gram,
    run_on_pixels,
)
from dfhpc.reporting.figures import save_search_figure
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_record, write_json
from dfhpc.split_rows import load_split
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest

MEASURES = ("accuracy", "roc_auc")

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Positions among the training rows: to fit on, and held out."""


def searched(settings: Settings) -> list[Training]:
    """Return the models that have a grid, under each split."""
    return [t for t in settings.trainings() if t.name in settings.search.grids]


def is_done(run: RunDirectory, settings: Settings) -> bool:
    """Whether every grid has been searched; so it is where there is none."""
    return all(run.search_path(t.model_id).exists() for t in searched(settings))


def search(run: RunDirectory, settings: Settings, pools: LazyPool) -> dict[str, Any]:
    """Search the grids that are not searched; return what all of them gave.

    Raises
    ------
    IncompleteStageError
        When extraction is not finished.
    SplitError
        When the training part has too few groups for the folds.
    """
    if not run.extracted_path.exists():
        raise IncompleteStageError(
            f"Extraction is not finished; run `dfhpc extract {run.path}`."
        )
    for training in searched(settings):
        if not run.search_path(training.model_id).exists():
            _search_model(run, settings, pools, training)
        shutil.rmtree(run.model_dir(training.model_id) / "search", ignore_errors=True)
    return read_results(run, settings)


def plan(run: RunDirectory, settings: Settings) -> None:
    """Find out before hours of extraction whether there are groups for the folds.

    Raises
    ------
    SplitError
        When there are fewer than folds.
    """
    trainings = searched(settings)
    if not trainings:
        return
    videos = {video.video_id: video for video in read_manifest(run.manifest_path)}
    for training in trainings:
        variant = training.variant
        trained = set(videos)
        if variant.config.kind != "random_rows":
            trained = set(map(str, load_split(run, variant).train))
        groups = {videos[name].group_id for name in trained if videos[name].label >= 0}
        if len(groups) < settings.search.folds:
            raise _too_few_groups(len(groups), settings)


def _too_few_groups(count: int, settings: Settings) -> SplitError:
    return SplitError(
        f"The {count} groups of the training part do not give {settings.search.folds} "
        "folds with both classes in each; set search.folds lower, or leave "
        "search.grids out."
    )


def read_results(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    """Return what the searches gave, by model."""
    return {
        t.model_id: read_record(run.search_path(t.model_id), "candidates", "best")
        for t in searched(settings)
    }


def _search_model(
    run: RunDirectory, settings: Settings, pools: LazyPool, training: Training
) -> None:
    name, pool = training.model_id, pools.get()
    reader = RowReader(run.store_path)
    split = load_split(run, training.variant)
    rows = training_rows(run, split, reader)
    folds = make_folds(run, settings, rows, reader)
    candidates = settings.candidates(training.name)
    trials = _prepare_trials(run, name, rows, folds, candidates)
    shard_bytes = reader.layout.rows_per_partition * ROW_LENGTH
    for config in candidates:
        projected = get_trainer(name, config).project_bytes(len(rows.rows), shard_bytes)
        check_memory(name, projected, pool)
    missing = [trial for _, trial in trials if not trial.scores_path(run).exists()]
    done = len(trials) - len(missing)
    with progress(f"Searching {name}", len(trials), "trial", done) as advance:
        _run_trials(run, pools, missing, rows, advance)
    result = _result(run, settings, training, rows, folds, candidates, trials)
    save_search_figure(run.search_dir / f"{name}.png", name, result)
    write_json(run.search_path(name), result)


def make_folds(
    run: RunDirectory, settings: Settings, rows: TrainingRows, reader: RowReader
) -> Folds:
    """Return folds of the training rows, no group on both sides of any.

    Raises
    ------
    SplitError
        When a fold would lack a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    config, videos = settings.search, read_manifest(run.manifest_path)
    positions = reader.layout.video_of(rows.rows)
    groups = np.array([videos[position].group_id for position in positions])
    count = len(np.unique(groups))
    if count >= config.folds:
        cut = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.seed)
        folds = list(cut.split(rows.rows, rows.labels, groups))
        if all(len(set(rows.labels[i])) == 2 for fold in folds for i in fold):
            return folds
    raise _too_few_groups(count, settings)


def _prepare_trials(
    run: RunDirectory,
    name: str,
    rows: TrainingRows,
    folds: Folds,
    candidates: Sequence[ModelConfig],
) -> list[tuple[int, Trial]]:
    """Return each fold with each family; give their folders the training rows."""
    trials = []
    for number, (fit, held_out) in enumerate(folds):
        for index, family in enumerate(families(candidates)):
            folder = f"{name}/search/fold-{number}-{index:03d}"
            trial = Trial(folder, family, rows.rows[held_out])
            of_fold = TrainingRows(rows.rows[fit], rows.labels[fit])
            begin_model(run, folder, family.configs, of_fold)
            trials.append((number, trial))
    return trials


def _run_trials(
    run: RunDirectory,
    pools: LazyPool,
    trials: Sequence[Trial],
    rows: TrainingRows,
    advance: Any,
) -> None:
    pool = pools.get()
    for standardize in (True, False):
        on_gram = [
            trial
            for trial in trials
            if is_on_gram(trial.family.configs[0])
            and getattr(trial.family.configs[0], "standardize", None) is standardize
        ]
        if on_gram:
            # Of the whole training part: one matrix serves all folds.
            gram = ensure_gram(run, pool, rows.rows, standardize=standardize)
            run_on_gram(run, pool, gram, on_gram, advance)
    run_on_features(run, pool, rows.rows, trials, advance)
    for trial in trials:
        config = trial.family.configs[0]
        if not (is_on_gram(config) or is_on_features(config)):
            run_on_pixels(run, pool, trial, advance)


def _result(
    run: RunDirectory,
    settings: Settings,
    training: Training,
    rows: TrainingRows,
    folds: Folds,
    candidates: Sequence[ModelConfig],
    trials: Sequence[tuple[int, Trial]],
) -> dict[str, Any]:
    found = np.zeros((len(MEASURES), len(candidates), len(folds)))
    for number, trial in trials:
        labels = rows.labels[folds[number][1]]
        for place, scores in zip(trial.family.places, trial.load(run), strict=True):
            measured = measure(labels, scores)
            found[:, place, number] = [measured[name] for name in MEASURES]
    chosen = found[MEASURES.index(settings.search.measure)].mean(axis=1)
    best = int(np.argmax(chosen))
    keys = list(settings.search.grids[training.name])
    return {
        "format_version": FORMAT_VERSION,
        "measure": settings.search.measure,
        "folds": len(folds),
        "keys": keys,
        "candidates": [
            {
                "settings": {key: getattr(config, key) for key in keys},
                **{
                    name: found[index, place].tolist()
                    for index, name in enumerate(MEASURES)
                },
            }
            for place, config in enumerate(candidates)
        ],
        "best": best,
        "model": candidates[best].model_dump(mode="json"),
    }
