"""Another run, whose faces are scored: opened, compared, and never written to."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import Settings
from dfhpc.errors import ConfigError, IncompleteStageError, StoreError
from dfhpc.recipes import parse_settings
from dfhpc.runs import RunDirectory, open_run, read_json, read_record
from dfhpc.splits import Split
from dfhpc.store.reading import RowReader
from dfhpc.store.schema import open_store
from dfhpc.strangers import names_tell
from dfhpc.videos.manifest import Video, read_manifest

RESULT_KEYS = ("models_hash", "asked", "run", "other", "part", "warnings", "models")
"""Of a result on another run."""

Part = Literal["all", "test"]

SHAPE = ("height", "width", "channels")
"""What makes a row, as the store says it."""

FACE_SETTINGS = ("crop", "margin", "images", "detector", "min_face_size", "choose")
"""Settings of extraction that change what a face of the store looks like, or whose it
is. Others change how many there are."""


@dataclass(frozen=True)
class OtherRun:
    """A run whose faces are scored; nothing is written into it."""

    run: RunDirectory
    settings: Settings
    videos: list[Video]
    reader: RowReader
    part: Part

    @property
    def identity(self) -> str:
        """A hash of its store and of the part that is asked for."""
        return f"{self.reader.identity}-{self.part}"


def open_other(run: RunDirectory, path: Path, part: Part) -> OtherRun:
    """Return the run at ``path``, whose faces the models of ``run`` can score.

    Raises
    ------
    ConfigError
        When it is ``run`` itself.
    IncompleteStageError
        When its faces are not all extracted.
    StoreError
        When its rows are of another shape.
    """
    other = open_run(path)
    if os.path.realpath(other.path) == os.path.realpath(run.path):
        raise ConfigError(
            f"{path} is the run itself, whose test part `dfhpc evaluate {path}` "
            "measures; name another run."
        )
    if not other.extracted_path.exists():
        raise IncompleteStageError(
            f"The faces of {path} are not extracted; run `dfhpc extract {path}`."
        )
    reader = RowReader(other.store_path)
    own = open_store(run.store_path).attrs
    for name in SHAPE:
        if own[name] != reader.attribute(name):
            raise StoreError(
                f"Faces in {path} have {name} {reader.attribute(name)}, those of "
                f"{run.path} {own[name]}; models score faces of their own shape only."
            )
    settings = parse_settings(read_json(other.config_path), str(other.config_path))
    videos = read_manifest(other.manifest_path)
    return OtherRun(other, settings, videos, reader, part)


def in_part(other: OtherRun) -> NDArray[np.bool_]:
    """Return which videos of the other run are asked for.

    Raises
    ------
    IncompleteStageError
        When its test part is, and it has no split of whole videos.
    """
    if other.part == "all":
        return np.ones(len(other.videos), bool)
    for variant in other.settings.variants():
        path = other.run.split_variant_path(variant.suffix)
        if path.exists():
            split = Split.from_json(read_json(path))
            if not split.is_leaky:
                test = set(split.test)
                return np.array([v.video_id in test for v in other.videos], bool)
    raise IncompleteStageError(
        f"{other.run.path} has no test part of whole videos; train it under a split "
        "that has one, or use --part all."
    )


def differences(run: RunDirectory, other: OtherRun) -> list[dict[str, Any]]:
    """Return in what the two extractions differ, and whether faces look otherwise."""
    attributes = open_store(run.store_path).attrs
    own: Any = attributes["extract"]
    theirs = other.reader.attribute("extract")
    found = [
        {
            "setting": f"extract.{key}",
            "run": own.get(key),
            "other": theirs.get(key),
            "changes_faces": key in FACE_SETTINGS,
        }
        for key in sorted(own.keys() | theirs.keys())
        if own.get(key) != theirs.get(key)
    ]
    versions: Any = attributes["detector_versions"]
    their_versions = other.reader.attribute("detector_versions")
    if versions != their_versions and own["detector"] == theirs["detector"]:
        difference = {"setting": "detector_versions", "run": versions}
        found.append(difference | {"other": their_versions, "changes_faces": True})
    return found


def warnings_on(
    found: Sequence[dict[str, Any]], run: RunDirectory, other: OtherRun
) -> list[str]:
    """Return a sentence on each thing that a reader of the result must know."""
    said = [
        f"{one['setting']} is {_shown(one['run'])} where the models were trained and "
        f"{_shown(one['other'])} in {other.run.path.name}: faces may look different "
        "for that reason alone."
        for one in found
        if one["changes_faces"]
    ]
    for name, videos in (
        (run.path.name, read_manifest(run.manifest_path)),
        (other.run.path.name, other.videos),
    ):
        if not names_tell(videos):
            said.append(
                f"Nothing tells who is in the videos of {name}; only equal files are "
                "known to be in both runs."
            )
    return said


def _shown(value: object) -> str:
    return json.dumps(value)


def describe(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    """Return which run it is, and of which data."""
    data = settings.data.model_dump(mode="json")
    names = ("path", "layout", "compression", "methods")
    return {
        "name": run.path.name,
        "path": str(run.path),
        "data": {name: data[name] for name in names},
    }


def current_result(run: RunDirectory, path: Path) -> dict[str, Any] | None:
    """Return the result at ``path``, None if it is of earlier models."""
    found = read_record(path, *RESULT_KEYS)
    return found if found["models_hash"] == models_hash(run) else None


def read_results(run: RunDirectory) -> list[dict[str, Any]]:
    """Return what the models as they are now are worth on other runs, by name."""
    if not run.evaluation_path.exists():
        return []
    found = (current_result(run, path) for path in sorted(run.on_dir.glob("*.json")))
    return [result for result in found if result is not None]


def models_hash(run: RunDirectory) -> str:
    """Return the hash of the models that a run has evaluated."""
    return str(read_record(run.evaluation_path, "models_hash")["models_hash"])
