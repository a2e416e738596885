"""Predict: a verdict on a new video, read just as the videos of training were."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import own_cores
from dfhpc.config import ExtractConfig
from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import ModelError
from dfhpc.extraction.finalize import iter_slots
from dfhpc.extraction.people import Face
from dfhpc.extraction.video import extract_video
from dfhpc.models.base import CARD_KEYS, load_cached
from dfhpc.recipes import parse_settings
from dfhpc.runs import RunDirectory, read_record
from dfhpc.store.reading import Pixels
from dfhpc.verdict import ScoredFace, decide
from dfhpc.videos.decoder import get_decoder


def trained_models(run: RunDirectory) -> list[str]:
    """Return the models of a run that are trained, by name."""
    return sorted(path.parent.name for path in run.models_dir.glob("*/model.json"))


def choose_model(run: RunDirectory, name: str | None) -> str:
    """Return the model asked for, or the one that ranked the calibration videos best.

    Test videos are not looked at: a model chosen by them would be chosen too well.

    Raises
    ------
    ModelError
        When there is no such model; names those there are.
    """
    trained = trained_models(run)
    if not trained:
        raise ModelError(f"{run.path} has no trained model; run `dfhpc run` first.")
    if name is not None:
        if name not in trained:
            raise ModelError(
                f"{run.path} has no trained model {name}; it has {', '.join(trained)}."
            )
        return name
    return max(trained, key=lambda model: (_calibration_auc(run, model), model))


def _calibration_auc(run: RunDirectory, name: str) -> float:
    """Return how well a model ranks videos of calibration; a leaky one has none."""
    if not run.evaluation_path.exists():
        return 0.0
    found = read_record(run.evaluation_path, "models", "beside")
    models = found["models"] | (found["beside"] or {"models": {}})["models"]
    parts = models.get(name, {})
    return parts.get("calibration", {}).get("video", {}).get("roc_auc") or 0.0


def predict_all(
    run: RunDirectory, paths: Sequence[Path], name: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the verdict on each video, by the model asked for or the best one."""
    # It loads its libraries while the model is read.
    get_decoder().start()
    model = choose_model(run, name)
    for path in paths:
        yield predict(run, path, model)


def predict(run: RunDirectory, path: Path, name: str) -> dict[str, Any]:
    """Return the verdict of model ``name`` on the video at ``path``, as JSON values.

    A video that cannot be judged gets a status and a reason, never a score.
    """
    card = read_record(run.model_path(name), *CARD_KEYS)
    settings = parse_settings(card["settings"], str(run.model_path(name)))
    model = load_cached(run, name)
    absolute = Path(os.path.abspath(path))
    record, faces = extract_video(
        path.name, absolute, settings.extract, threads=own_cores()
    )
    facts = record.to_json()
    scored = _score(facts["frames"], faces, settings.extract, model.score)
    verdict = decide(record, scored, settings.extract.frames_per_video)
    return {
        "path": str(path),
        **verdict.to_json(),
        "video": {
            name: fact
            for name, fact in facts.items()
            if name not in ("frames", "video_id")
        },
        "frames": facts["frames"],
        "model": {
            "name": name,
            "run_dir": str(run.path),
            "split": card["split"],
            "trained_on_faces": card["faces"],
            "extract": card["settings"]["extract"],
        },
    }


def _score(
    frames: list[dict[str, Any]],
    faces: list[Face | None],
    extract: ExtractConfig,
    score: Callable[[Pixels], NDArray[np.float64]],
) -> list[ScoredFace]:
    """Return each face that has a slot with its score, by slot; note it in ``frames``.

    Frames and faces that are not scored get None for a score.
    """
    for face in (face for frame in frames for face in (frame, *_others(frame))):
        face["score"] = None
    found = [face.reshape(ROW_LENGTH) for face in faces if face is not None]
    values = iter(score(np.stack(found)).tolist() if found else [])
    scored = []
    for _, frame, seen in iter_slots(frames, extract.frames_per_video):
        if seen is not None:
            seen["score"] = next(values)
            scored.append(_scored_face(frame, seen))
    return scored


def _others(frame: dict[str, Any]) -> list[dict[str, Any]]:
    others: list[dict[str, Any]] = frame.get("others", [])
    return others


def _scored_face(frame: dict[str, Any], face: dict[str, Any]) -> ScoredFace:
    x, y, width, height = face["box"]
    return ScoredFace(
        slot_group=face["slot_group"],
        track=face["track"],
        frame_index=frame["frame_index"],
        box=(x, y, width, height),
        score=face["score"],
    )
