"""All that a report says of a run, as it was read from the run directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dfhpc.reporting.report.blocks import Face

Json = Mapping[str, Any]


@dataclass(frozen=True)
class SplitFacts:
    """One split of a run: its own, or the one beside."""

    suffix: str
    """Behind the ids of its models; empty for the run's own."""
    kind: str
    seed: int
    leaky: bool
    unused: Json
    audit: Json
    """As ``audit_parts`` has it, of the videos as they are planned."""
    groups: Sequence[Json]
    """``group``, ``parts``, ``real`` and ``fake`` of each group, the first ones."""
    num_groups: int
    part_of: Mapping[str, str]
    """The part of each video; empty where rows were split."""


@dataclass(frozen=True)
class ModelCurves:
    """What the scores of the test part give beyond ``evaluation.json``."""

    roc: Mapping[str, Sequence[tuple[float, float]]]
    """Points of the ROC curve by level, frame and video."""
    intervals_95: Mapping[str, Mapping[str, Sequence[float] | None]]
    """Of precision, recall and f1-score of fakes, by level."""


@dataclass(frozen=True)
class Facts:
    """A run; what it does not have yet is None or empty."""

    name: str
    path: str
    settings: Json
    """Resolved, as in config.json."""
    changed: Sequence[tuple[str, str]]
    """Dotted keys that are not as by default, and values as ``--set`` takes them."""
    recipe: str
    """The same as TOML."""
    stages: Sequence[Json]
    """``stage``, ``done`` and ``total`` and the ``unit`` of these."""
    version: str
    """Of the dfhpc that makes the report."""
    manifest: Json | None = None
    """``videos``, ``groups``, ``bytes``, ``labels``, ``hash``; ``kinds`` of videos."""
    tally: Json | None = None
    """As ``inspection.tally`` has it."""
    faces: Mapping[str, Sequence[Face]] = field(default_factory=dict)
    """A contact sheet by class; empty where it was not wanted."""
    splits: Sequence[SplitFacts] = ()
    cards: Mapping[str, Json] = field(default_factory=dict)
    """What each model was trained on."""
    searches: Mapping[str, Json] = field(default_factory=dict)
    evaluation: Json | None = None
    curves: Mapping[str, ModelCurves] = field(default_factory=dict)
    on: Sequence[Json] = ()
    """What the models are worth on the faces of other runs."""
    robustness: Json | None = None
    """What becomes of the scores where test videos are made worse."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Data URIs of figures that lie in the run directory, by their path in it."""
    usage: Json | None = None
    timeline: Json | None = None
    faults: Json = field(default_factory=dict)
    problems: Sequence[str] = ()
    """What could not be read, a sentence each."""

    @property
    def next_command(self) -> str:
        """Return the command that does what is not done."""
        return f"dfhpc run --run-dir {self.path}"

    @property
    def is_finished(self) -> bool:
        """Whether all stages are done."""
        return all(stage["done"] == stage["total"] for stage in self.stages)

    def evaluations(self) -> list[tuple[SplitFacts | None, Json]]:
        """Return the results of the run's split, then of the one beside it."""
        if self.evaluation is None:
            return []
        found = [self.evaluation, self.evaluation.get("beside")]
        known: list[SplitFacts | None] = [*self.splits, None, None]
        return [
            (split, result)
            for split, result in zip(known[:2], found, strict=True)
            if result is not None
        ]
