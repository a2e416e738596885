"""Predict: a verdict on a new video, read just as the videos of training were."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.choosing import calibration_rank
from dfhpc.cluster.blas import own_cores
from dfhpc.config import Settings
from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import ModelError
from dfhpc.evaluation_shape import read_evaluation
from dfhpc.extraction.finalize import iter_slots
from dfhpc.extraction.people import Face
from dfhpc.extraction.records import VideoRecord
from dfhpc.extraction.video import extract_video
from dfhpc.model_card import verdict_card
from dfhpc.models.base import Model, model_digest
from dfhpc.models.cards import read_card
from dfhpc.models.self_test import CheckedModel
from dfhpc.probability_maps import ProbabilityMap
from dfhpc.recipes import parse_settings
from dfhpc.runs import RunDirectory, read_json
from dfhpc.store.reading import Pixels
from dfhpc.verdict import ScoredFace, decide
from dfhpc.verdict_config import VerdictConfig
from dfhpc.verdict_document import Opinion, document, printable
from dfhpc.verdict_reasons import Rule
from dfhpc.versions import library_versions
from dfhpc.videos.decoder import get_decoder
from dfhpc.videos.file_facts import FileFacts

ALL = "all"
"""Asks every model of a run."""


@dataclass(frozen=True)
class ScoredCrop:
    """A face of a video as it was scored, and where it is from."""

    frame_index: int
    time_s: float
    track: int
    slot_group: int
    face: Face


@dataclass(frozen=True)
class Judged:
    """The verdict on a video, and its scored faces in the order of ``frame_scores``."""

    verdict: dict[str, Any]
    faces: list[ScoredCrop]


def trained_models(run: RunDirectory) -> list[str]:
    """Return the models of a run that are trained, by name.

    Those that its settings do not name any more are not evaluated any more either.
    """
    path = run.config_path
    settings = parse_settings(read_json(path), str(path))
    named = {training.model_id for training in settings.trainings()}
    found = {path.parent.name for path in run.models_dir.glob("*/model.json")}
    return sorted(found & named)


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
    if name is not None and name != ALL:
        if name not in trained:
            raise ModelError(
                f"{run.path} has no trained model {name}; it has {', '.join(trained)}."
            )
        return name
    found = _read_evaluation(run)
    return max(trained, key=lambda model: calibration_rank(found, model))


def _read_evaluation(run: RunDirectory) -> dict[str, Any]:
    """Return what is known of the models of both splits, {} where nothing is."""
    if not run.evaluation_path.exists():
        return {"models": {}, "probabilities": {}}
    found = read_evaluation(run, "models", "beside")
    both = (found, found["beside"] or {})
    return {
        key: {name: entry for each in both for name, entry in each.get(key, {}).items()}
        for key in ("models", "probabilities")
    }


class _Judging:
    """One model at work: how it scores, and how its scores are read."""

    def __init__(
        self,
        run: RunDirectory,
        name: str,
        entry: dict[str, Any] | None,
        limits: VerdictConfig,
    ) -> None:
        self.name = name
        self.card = verdict_card(run, name)
        self.digest = model_digest(run, name)
        if entry is not None and entry["model_digest"] != self.digest:
            entry = None
        self.entry = entry
        self.checked = CheckedModel(run, name)
        ranges = read_card(run, name).get("quality", {})
        self.rule = _rule(entry, limits, ranges)

    def opinion(
        self,
        record: VideoRecord,
        faces: list[ScoredFace],
        rows: Pixels,
        *,
        decides: bool,
    ) -> Opinion:
        """Return what the model says of the faces, whose pixels are ``rows``."""
        scores = self.checked.score(rows).tolist() if len(rows) else []
        scored = [
            replace(face, score=score)
            for face, score in zip(faces, scores, strict=True)
        ]
        needed = self.card["extract"]["frames_per_video"]
        test = self.checked.self_test()
        return Opinion(
            self.name,
            decides,
            self.rule,
            self.entry,
            self.card,
            None if test is None else test.to_json(),
            scores,
            decide(record, scored, needed, self.rule),
        )


def _rule(
    entry: dict[str, Any] | None, limits: VerdictConfig, ranges: dict[str, Any]
) -> Rule:
    if entry is None:
        why = "The model was not evaluated as it is now; run `dfhpc evaluate`."
        unknown = ProbabilityMap("none", {"why": why})
        return Rule(unknown, limits=limits, ranges=ranges)
    threshold = entry["threshold"]
    low, high = threshold["band"]
    known = ProbabilityMap.from_json(entry["map"])
    return Rule(known, threshold["value"], (low, high), limits, ranges)


class Judge:
    """Gives verdicts by one model of a run, or by all while one decides."""

    def __init__(self, run: RunDirectory, name: str | None = None) -> None:
        """Load the model asked for, the best one, or with ``all`` every one.

        Raises
        ------
        ModelError
            When there is no such model, or its files are not as they were trained.
        """
        # It loads its libraries while the models are read.
        get_decoder().start()
        self._decides = choose_model(run, name)
        names = trained_models(run) if name == ALL else [self._decides]
        path = run.model_path(self._decides)
        card = read_card(run, self._decides)
        self._settings: Settings = parse_settings(card["settings"], str(path))
        limits = parse_settings(read_json(run.config_path), str(run.config_path))
        known = _read_evaluation(run)["probabilities"]
        self._judging = [
            _Judging(run, each, known.get(each), limits.verdict) for each in names
        ]

    @property
    def models(self) -> dict[str, Model]:
        """The loaded models by name, for who explains their scores."""
        return {judging.name: judging.checked.model for judging in self._judging}

    @property
    def name(self) -> str:
        """The model that decides."""
        return self._decides

    def identity(self) -> dict[str, Any]:
        """Return what verdicts hang on beside the video: models, rules, settings."""
        return {
            "decides": self._decides,
            "models": {judging.name: judging.digest for judging in self._judging},
            "rules": {judging.name: judging.rule.digest() for judging in self._judging},
            "dfhpc": library_versions()["dfhpc"],
        }

    def judge(self, path: Path) -> Judged:
        """Return the verdict on the video at ``path``.

        A video that cannot be judged gets a status and a reason, never a score.

        Raises
        ------
        ModelError
            When a model fails its self-test: no verdict is given before it has passed.
        """
        absolute = Path(os.path.abspath(path))
        file_facts = FileFacts(absolute)
        extract = self._settings.extract
        record, faces = extract_video(path.name, absolute, extract, threads=own_cores())
        facts = record.to_json()
        slots = _scored_slots(facts["frames"], extract.frames_per_video)
        pixels = [face for face in faces if face is not None]
        rows = np.array(pixels, np.uint8).reshape(len(pixels), ROW_LENGTH)
        unscored = [_scored_face(frame, seen) for frame, seen in slots]
        opinions = [
            each.opinion(record, unscored, rows, decides=each.name == self._decides)
            for each in self._judging
        ]
        [own] = [opinion for opinion in opinions if opinion.decides]
        for (_, seen), score in zip(slots, own.frame_scores, strict=True):
            seen["score"] = score
        versions = library_versions(own.card["settings"]["kind"])
        verdict = document(printable(path), facts, file_facts.get(), opinions, versions)
        return Judged(verdict, _crops(slots, pixels))


def _scored_slots(
    frames: list[dict[str, Any]], frames_per_video: int
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each face that has a slot, with its frame, by slot.

    Every face is noted to have no score yet.
    """
    for face in (face for frame in frames for face in (frame, *_others(frame))):
        face["score"] = None
    found = iter_slots(frames, frames_per_video)
    return [(frame, seen) for _, frame, seen in found if seen is not None]


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
        score=0.0,
        quality=face.get("quality"),
    )


def _crops(
    slots: list[tuple[dict[str, Any], dict[str, Any]]], pixels: list[Face]
) -> list[ScoredCrop]:
    return [
        ScoredCrop(
            frame["frame_index"],
            frame["time_s"],
            seen["track"],
            seen["slot_group"],
            face,
        )
        for (frame, seen), face in zip(slots, pixels, strict=True)
    ]
