"""The run in three sentences that a reader can quote, and how far it is."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from dfhpc.choosing import calibration_rank
from dfhpc.reporting.report.blocks import Block, Section, Table, Text, numeric
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.report.words import count, listed, number, percent

FEW_GROUPS = 5
"""With fewer there is no interval (``dfhpc.metrics.MIN_GROUPS``)."""

SOME_GROUPS = 30
"""With fewer, intervals are wide, and too narrow at that."""


def headline(facts: Facts) -> Section:
    """Return the summary of a run."""
    warnings = [*_about(facts), *_leaks(facts)]
    blocks: list[Block] = [Text(sentence, "warning") for sentence in warnings]
    blocks.append(Text(_data(facts), "lead"))
    blocks += [Text(sentence, "lead") for sentence in _result(facts)]
    if not facts.is_finished:
        blocks += _unfinished(facts)
    return Section("summary", "Summary", blocks)


def best_model(evaluation: Json) -> tuple[str, Json] | None:
    """Return the model that ranks the videos of calibration best, and its result.

    ``predict`` chooses by the same rule. None where no part calibrates, as under a
    leaky split.
    """
    found = []
    results: list[Json | None] = [evaluation, evaluation.get("beside")]
    for result in results:
        if result is None:
            continue
        for name, parts in result["models"].items():
            area = parts.get("calibration", {}).get("video", {}).get("roc_auc")
            if area is not None:
                found.append((calibration_rank(result, name), name, result))
    if not found:
        return None
    _, name, chosen = max(found, key=lambda each: each[0])
    return name, chosen


def is_leaky(result: Json) -> bool:
    """Whether train and test share videos or people."""
    shared = result["audit"]["overlap"]["train/test"]
    return bool(result["split"]["leaky"] or any(shared.values()))


def _about(facts: Facts) -> list[str]:
    """Return what the data folder says of the data, as the models' cards quote it."""
    quoted = {card.get("trained", {}).get("about", "") for card in facts.cards.values()}
    return [f"Of the data is said: {about}" for about in sorted(quoted) if about]


def _leaks(facts: Facts) -> list[str]:
    if facts.evaluation is None:
        return [
            f"LEAKY: split {split.kind} puts frames of the same videos on both sides."
            for split in facts.splits
            if split.leaky
        ]
    found = []
    for _, result in facts.evaluations():
        shared = result["audit"]["overlap"]["train/test"]
        if is_leaky(result):
            found.append(
                f"LEAKY: under split {result['split']['kind']}, "
                f"{count(shared['videos'], 'video')} and "
                f"{count(shared['groups'], 'group')} of people both train and test. "
                "Its scores are too good to be true, and are here to show by how much."
            )
    return found


def _data(facts: Facts) -> str:
    data = facts.settings["data"]
    name = PurePath(str(data["path"])).name or str(data["path"])
    if facts.manifest is None:
        return f"The videos of {name} are not listed yet."
    manifest = facts.manifest
    sentence = f"{count(manifest['videos'], 'video')} of {name} ({_kinds(manifest)})"
    if manifest["groups"] < manifest["videos"]:
        sentence += f", in {count(manifest['groups'], 'group')} of people"
    else:
        sentence += ", with nothing to tell who is in which"
    if facts.tally is None:
        return f"{sentence}; no faces are extracted yet."
    frames = sum(each["frames"] for each in facts.tally["classes"])
    faces = sum(each["ok"] for each in facts.tally["classes"])
    return f"{sentence}, gave faces in {faces:,} of {count(frames, 'sampled frame')}."


def _kinds(manifest: Json) -> str:
    labels = manifest["labels"]
    parts = [f"{labels[label]:,} {label}" for label in ("real", "fake")]
    if labels["unknown"]:
        parts.append(f"{labels['unknown']:,} without label")
    fakes = {k["method"] for k in manifest["kinds"] if k["label"] == "fake"} - {"-"}
    compressions = {k["compression"] for k in manifest["kinds"]} - {"-"}
    parts += [f"fakes by {listed(sorted(fakes))}"] if fakes else []
    parts += [f"compression {listed(sorted(compressions))}"] if compressions else []
    return ", ".join(parts)


def _result(facts: Facts) -> list[str]:
    if facts.evaluation is None:
        return []
    best = best_model(facts.evaluation)
    if best is None:
        return [
            *(_range(result) for _, result in facts.evaluations()),
            "No model is named as the best: there is no calibration part to choose by, "
            "and to choose by the test videos would be to choose too well.",
        ]
    name, result = best
    test = result["models"][name].get("test")
    if test is None:
        return [
            f"Of {name}, the best model on the calibration part, no face is tested."
        ]
    return [_measured(name, result, test["video"]), _proves(test["video"])]


def _range(result: Json) -> str:
    """Return from where to where the models' test scores reach."""
    tests = [
        parts["test"]["video"]
        for parts in result["models"].values()
        if parts.get("test") is not None
    ]
    split = result["split"]
    leaky = " (LEAKY)" if is_leaky(result) else ""
    where = f"Under split {split['kind']}{leaky}, seed {split['seed']},"
    if not tests:
        return f"{where} no face is tested."
    accuracies = [test["accuracy"] for test in tests]
    areas = [test["roc_auc"] for test in tests if test["roc_auc"] is not None]
    ranked = (
        f", with ROC AUCs from {min(areas):.3f} to {max(areas):.3f}" if areas else ""
    )
    return (
        f"{where} {count(len(tests), 'model')} called {percent(min(accuracies))} to "
        f"{percent(max(accuracies))} of {count(tests[0]['num'], 'test video')} in "
        f"{count(tests[0]['groups'], 'group')} right{ranked}."
    )


def _measured(name: str, result: Json, video: Json) -> str:
    split = result["split"]
    leaky = "LEAKY, " if is_leaky(result) else ""
    return (
        f"The best model on the calibration part, {name} ({leaky}split "
        f"{split['kind']}, seed {split['seed']}), calls {percent(video['accuracy'])} "
        f"of the {count(video['num'], 'test video')} right"
        f"{_interval(video, 'accuracy', 100, ' %')} and ranks them with a ROC AUC of "
        f"{number(video['roc_auc'])}{_interval(video, 'roc_auc', 1, '')}; calling all "
        f"of them {_commoner(video)} would be right for {percent(baseline(video))}."
    )


def baseline(found: Mapping[str, Any]) -> float | None:
    """Return the accuracy of always naming the commoner class."""
    if not found["num"]:
        return None
    return float(max(found["num_real"], found["num_fake"]) / found["num"])


def _commoner(video: Json) -> str:
    return "fake" if video["num_fake"] >= video["num_real"] else "real"


def _interval(video: Json, measure: str, scale: float, unit: str) -> str:
    interval = video["intervals_95"].get(measure)
    if interval is None:
        return ""
    digits = 0 if scale > 1 else 2
    low, high = (f"{scale * bound:.{digits}f}" for bound in interval)
    return f" (95 % interval {low} to {high}{unit})"


def _proves(video: Json) -> str:
    groups = video["groups"]
    if groups < FEW_GROUPS:
        return (
            f"Its test part holds {count(groups, 'group')} of people, too few for an "
            "interval: it shows that the programs work, and next to nothing about "
            "other people, other data or other ways of forging."
        )
    few = (
        ", so few that the interval is itself a rough guess"
        if groups < SOME_GROUPS
        else ""
    )
    return (
        f"Its test part holds {count(groups, 'group')} of people{few}; the interval "
        "is for other people of the same data, and says nothing of other data or other "
        "ways of forging."
    )


def _unfinished(facts: Facts) -> list[Block]:
    rows = []
    for stage in facts.stages:
        state = "done" if stage["done"] == stage["total"] else "not done"
        unit = count(stage["total"], stage["unit"])
        rows.append((stage["stage"], f"{stage['done']:,} of {unit}", state))
    return [
        Text(
            "This run is not finished. What is missing below comes with "
            f"`{facts.next_command}`.",
            "note",
        ),
        Table("How far it is", ("stage", "done", "state"), rows, numeric(1)),
    ]
