"""Status: how far a run is, read from its marks alone."""

from pathlib import Path
from typing import Any

from dfhpc.config import Settings, parse_settings
from dfhpc.extraction.finalize import missing_partitions
from dfhpc.locks import holder_of
from dfhpc.runs import RunDirectory, read_json
from dfhpc.store.partitions import plan_store
from dfhpc.videos.manifest import read_manifest


def read_status(run: RunDirectory) -> dict[str, Any]:
    """Return, for each stage, what of it is done; needs no connection to workers."""
    settings = parse_settings(read_json(run.config_path), str(run.config_path))
    extraction = run.extracted_path
    return {
        "run_dir": str(run.path),
        "working": holder_of(run.lock_path),
        "stages": [
            _stage("scan", int(run.manifest_path.exists()), 1, "manifest"),
            _extraction(run, settings),
            _training(run, settings),
            _stage("evaluate", int(run.evaluation_path.exists()), 1, "evaluation"),
        ],
        "extraction": read_json(extraction) if extraction.exists() else None,
    }


def _stage(name: str, done: int, total: int, unit: str) -> dict[str, Any]:
    state = "done" if done == total else "begun" if done else "not begun"
    return {"stage": name, "state": state, "done": done, "total": total, "unit": unit}


def _extraction(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    if not run.manifest_path.exists():
        return {**_stage("extract", 0, 0, "partitions"), "state": "not begun"}
    extract = settings.extract
    num_videos = len(read_manifest(run.manifest_path))
    total = plan_store(
        num_videos, extract.frames_per_video, extract.videos_per_partition
    ).num_partitions
    done = total - len(missing_partitions(run, total))
    stage = _stage("extract", done, total, "partitions")
    if done == total and not run.extracted_path.exists():
        stage["state"] = "begun"
    return stage


def _training(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    names = settings.train.models
    done = sum(run.model_path(name).exists() for name in names)
    stage = _stage("train", done, len(names), "models")
    if not done and any(_begun(run.model_dir(name)) for name in names):
        stage["state"] = "begun"
    return stage


def _begun(model_dir: Path) -> bool:
    return model_dir.is_dir() and any(model_dir.iterdir())
