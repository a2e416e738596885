"""Scan: a folder of videos to the manifest, and a recipe to a run directory."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfhpc.config import Settings
from dfhpc.errors import StoreError
from dfhpc.recipes import parse_settings, refuse_difference
from dfhpc.runs import RunDirectory, open_run, read_json, write_json
from dfhpc.store.schema import open_store
from dfhpc.videos.layouts import read_videos
from dfhpc.videos.manifest import (
    Video,
    manifest_hash,
    read_manifest,
    write_manifest,
)


def with_absolute_paths(settings: Settings) -> Settings:
    """Return settings whose paths hold wherever a later command is given."""
    data = settings.data
    updates = {
        name: Path(os.path.abspath(value))
        for name in ("path", "conversion_dict")
        if (value := getattr(data, name)) is not None
    }
    split = settings.split
    if split.files is not None:
        files = Path(os.path.abspath(split.files))
        split = split.model_copy(update={"files": files})
    data = data.model_copy(update=updates)
    return settings.model_copy(update={"data": data, "split": split})


def load_settings(run: RunDirectory) -> Settings:
    """Return the settings that a run was started with."""
    raw = read_json(open_run(run.path).config_path)
    return parse_settings(raw, str(run.config_path))


def start_run(run: RunDirectory, settings: Settings) -> None:
    """Write the settings of a new run, or check that an old one has the same.

    A run that has come to nothing yet may be begun anew.

    Raises
    ------
    SettingsMismatchError
        When it was started with others; [cluster] may differ and is taken over.
    """
    begun = (run.manifest_path, run.store_path, run.partitions_dir, run.models_dir)
    if run.config_path.exists() and any(path.exists() for path in begun):
        old = load_settings(run)
        refuse_difference(old, settings, run.path)
        if old == settings:
            return
    write_json(run.config_path, settings.to_json())


def is_done(run: RunDirectory) -> bool:
    """Whether the manifest is there."""
    return run.manifest_path.exists()


def scan(run: RunDirectory, settings: Settings) -> list[Video]:
    """Write the manifest of a run, or read it where it is there."""
    if is_done(run):
        return read_manifest(run.manifest_path)
    _, videos = read_videos(settings.data)
    if run.store_path.exists():
        _refuse_other_data(run, videos)
    write_manifest(run.manifest_path, videos)
    return videos


def _refuse_other_data(run: RunDirectory, videos: Sequence[Video]) -> None:
    """Refuse a new manifest that is not the one whose faces are in the store."""
    if open_store(run.store_path).attrs.get("manifest_hash") != manifest_hash(videos):
        raise StoreError(
            f"{run.manifest_path} is gone, and the data are no longer those that "
            f"{run.store_path} was made from. Use a new run directory."
        )


def summarize(videos: Sequence[Video]) -> dict[str, Any]:
    """Return counts of a manifest: videos by label and method, groups, bytes."""
    labels = Counter(video.label_name for video in videos)
    methods = Counter((video.method or "-", video.label_name) for video in videos)
    return {
        "videos": len(videos),
        "labels": {name: labels[name] for name in ("real", "fake", "unknown")},
        "groups": len({video.group_id for video in videos}),
        "bytes": sum(video.bytes for video in videos),
        "methods": [
            {"method": method, "label": label, "videos": count}
            for (method, label), count in sorted(methods.items())
        ],
    }
