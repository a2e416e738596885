"""Status: how far a run is, read from its marks alone."""

from pathlib import Path
from typing import Any

from dfhpc.config import Settings
from dfhpc.extraction.finalize import missing_partitions
from dfhpc.locks import holder_of
from dfhpc.runs import RunDirectory
from dfhpc.stages import evaluate, extract, scan, search, train
from dfhpc.videos.manifest import read_manifest


def read_status(run: RunDirectory) -> dict[str, Any]:
    """Return, for each stage, what of it is done; needs no connection to workers."""
    settings = scan.load_settings(run)
    evaluated = run.evaluation_path.exists() and evaluate.is_done(run, settings)
    return {
        "run_dir": str(run.path),
        "working": holder_of(run.lock_path),
        "stages": [
            _stage("scan", int(scan.is_done(run)), 1, "manifest"),
            _extraction(run, settings),
            *_searching(run, settings),
            _training(run, settings),
            _stage("evaluate", int(evaluated), 1, "evaluation"),
        ],
        "extraction": extract.read_report(run) if extract.is_done(run) else None,
    }


def _stage(name: str, done: int, total: int, unit: str) -> dict[str, Any]:
    state = "done" if done == total else "begun" if done else "not begun"
    return {"stage": name, "state": state, "done": done, "total": total, "unit": unit}


def _extraction(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    if not scan.is_done(run):
        return _stage("extract", 0, 0, "partitions") | {"state": "not begun"}
    layout = extract.layout_of(read_manifest(run.manifest_path), settings)
    total = layout.num_partitions
    if extract.is_done(run):
        return _stage("extract", total, total, "partitions")
    done = total - len(missing_partitions(run, total))
    stage = _stage("extract", done, total, "partitions")
    return stage | ({"state": "begun"} if done else {})


def _searching(run: RunDirectory, settings: Settings) -> list[dict[str, Any]]:
    """Return the stage of search, if there is a grid to search."""
    models = search.searched(settings)
    if not models:
        return []
    done = sum(run.search_path(training.model_id).exists() for training in models)
    return [_stage("search", done, len(models), "models")]


def _training(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    names = train.model_ids(settings)
    done = sum(train.is_trained(run, name) for name in names)
    stage = _stage("train", done, len(names), "models")
    begun = any(_begun(run.model_dir(name)) for name in names)
    return stage | ({"state": "begun"} if begun and not done else {})


def _begun(model_dir: Path) -> bool:
    return model_dir.is_dir() and any(model_dir.iterdir())
