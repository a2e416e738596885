"""From the scores of videos under each change to curves with intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dfhpc.constants import LABEL_FAKE, LABEL_NAMES, LABEL_REAL
from dfhpc.metrics import (
    MIN_GROUPS,
    bootstrap_intervals,
    bootstrap_mean,
    measure,
)
from dfhpc.robustness.kinds import BASELINE, Condition, Kind
from dfhpc.videos.manifest import Video

Mark = dict[str, Any]

LABELS = (LABEL_REAL, LABEL_FAKE)


def summarize(
    videos: Sequence[Video], marks: Sequence[Mark], kinds: Sequence[Kind], seed: int
) -> dict[str, Any]:
    """Return the curves as JSON values: the unchanged videos, then kinds by level."""

    def level(key: str) -> dict[str, Any]:
        return _level(videos, [mark["conditions"][key] for mark in marks], seed)

    return {
        "baseline": level(BASELINE),
        "kinds": {
            kind.name: {
                "title": kind.title,
                "axis": kind.axis,
                "source": kind.source,
                "levels": [
                    {"level": value, "text": kind.text(value)}
                    | level(Condition(kind, value).key)
                    for value in kind.levels
                ],
            }
            for kind in kinds
        },
    }


def count_videos(videos: Sequence[Video]) -> dict[str, int]:
    """Return how many videos there are, of each class, and groups."""
    return {
        "measured": len(videos),
        "real": sum(video.label == LABEL_REAL for video in videos),
        "fake": sum(video.label == LABEL_FAKE for video in videos),
        "groups": len({video.group_id for video in videos}),
    }


def notes(videos: Sequence[Video], kinds: Sequence[Kind], asked: int) -> list[str]:
    """Return what a reader must know beside the figures."""
    said = [f"{kind.title}, {kind.axis}: {kind.source}." for kind in kinds]
    counts = count_videos(videos)
    if counts["groups"] < MIN_GROUPS:
        groups = "group" if counts["groups"] == 1 else "groups"
        said.append(
            f"The videos are of {counts['groups']} {groups} of people; with fewer than "
            f"{MIN_GROUPS} there are no intervals, and other people may fare otherwise."
        )
    if counts["measured"] < asked:
        said.append(
            f"{asked} videos were asked for; the test part has {counts['measured']} "
            "with a face."
        )
    return said


def _level(
    videos: Sequence[Video], outcomes: Sequence[Mark], seed: int
) -> dict[str, Any]:
    names = list(outcomes[0]["scores"])
    errors = sorted(
        {outcome["reason"] for outcome in outcomes if outcome["status"] == "error"}
    )
    return {
        "models": {name: _scores(videos, outcomes, name, seed) for name in names},
        "capture": {
            LABEL_NAMES[label]: _capture(videos, outcomes, label) for label in LABELS
        },
        "not_measured": {
            reason: sum(
                outcome["status"] == "error" and outcome["reason"] == reason
                for outcome in outcomes
            )
            for reason in errors
        },
    }


def _capture(
    videos: Sequence[Video], outcomes: Sequence[Mark], label: int
) -> dict[str, Any]:
    """Return frames and those with a face of a class."""
    own = [
        outcome
        for video, outcome in zip(videos, outcomes, strict=True)
        if video.label == label
    ]
    frames = sum(outcome["frames"] for outcome in own)
    faces = sum(outcome["faces"] for outcome in own)
    return {
        "frames": frames,
        "faces": faces,
        "rate": faces / frames if frames else None,
    }


def _scores(
    videos: Sequence[Video], outcomes: Sequence[Mark], name: str, seed: int
) -> dict[str, Any]:
    """Return what a model makes of the videos that still show a face."""
    scored = [
        (video, score)
        for video, outcome in zip(videos, outcomes, strict=True)
        if (score := outcome["scores"][name]) is not None
    ]
    labels = np.array([video.label for video, _ in scored], np.int8)
    scores = np.array([score for _, score in scored], np.float64)
    groups = [video.group_id for video, _ in scored]
    found = measure(labels, scores)
    intervals = bootstrap_intervals(labels, scores, groups, seed)
    result: dict[str, Any] = {
        "videos": len(scored),
        "accuracy": found["accuracy"],
        "accuracy_95": intervals["accuracy"],
        "roc_auc": found["roc_auc"],
        "roc_auc_95": intervals["roc_auc"],
    }
    for label in LABELS:
        own = np.flatnonzero(labels == label)
        result[LABEL_NAMES[label]] = {
            "videos": len(own),
            "mean": float(scores[own].mean()) if len(own) else None,
            "mean_95": bootstrap_mean(scores[own], [groups[i] for i in own], seed),
        }
    return result
