"""What work B published, beside what this run gives for the same recipe."""

from collections.abc import Sequence

from dfhpc.reporting.report import published_figures as work_b
from dfhpc.reporting.report.blocks import (
    Block,
    Heading,
    Items,
    Section,
    Table,
    Text,
    from_column,
)
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.report.published_figures import PublishedModel
from dfhpc.reporting.report.words import (
    listed,
    megabytes,
    number,
    percent,
    seconds,
)

Match = tuple[PublishedModel, str | None]
"""A model of work B, and the name of the one of this run that is as it."""


def published(facts: Facts) -> Section:
    """Return both works side by side; what differs between them is said."""
    matches = match(facts)
    if not any(name for _, name in matches):
        sentence = (
            "No model of this run has the kind and settings of one of work B's "
            f"({work_b.SOURCE}). The recipes in jobs/ have."
        )
        return Section("published", "Beside the published figures", [Text(sentence)])
    results = facts.evaluations()
    blocks: list[Block] = [
        Text(
            f"Work B is {work_b.SOURCE}. Its figures are of frames, under a split that "
            "leaks: frames of one video train and test. They are no measure of how "
            "well its models, or these, tell fakes of people they have not seen."
        ),
        _accuracies(matches, results),
        _costs(matches, facts),
        Heading("What differs from work B here"),
        Items(differences(facts)),
    ]
    return Section("published", "Beside the published figures", blocks)


def match(facts: Facts) -> list[Match]:
    """Return each model of work B with that of the run whose settings are the same.

    A forest whose number of trees was searched matches that of work B that was.
    """
    settings = facts.settings
    found: list[Match] = []
    share = settings["split"]["test_share"]
    for model in work_b.MODELS:
        if model.test_share != share and model.key == "random_forest_75_25":
            found.append((model, None))
            continue
        if model.key == "random_forest" and share == 0.25:
            # Its own row is that of 75/25.
            found.append((model, None))
            continue
        names = [
            name
            for name in settings["train"]["models"]
            if _is_as(model, _config(settings, name), _is_searched(settings, name))
        ]
        found.append((model, names[0] if names else None))
    return found


def _config(settings: Json, name: str) -> Json:
    train = settings["train"]
    config: Json = train["named"].get(name) or train[name]
    return config


def _is_searched(settings: Json, name: str) -> bool:
    return "num_trees" in settings["search"]["grids"].get(name, {})


def _is_as(model: PublishedModel, config: Json, searched: bool) -> bool:
    return (
        config["kind"] == model.kind
        and searched == model.searched
        and all(config[key] == value for key, value in model.settings.items())
        and config.get("features", "pixels") == "pixels"
    )


def _accuracies(
    matches: Sequence[Match], results: Sequence[tuple[object, Json]]
) -> Table:
    header = ["model of work B", "of this run", "accuracy, work B"]
    columns = []
    for _, result in results:
        kind = result["split"]["kind"]
        leaky = " (LEAKY)" if result["split"]["leaky"] else ""
        header.append(f"here, {kind}{leaky}")
        columns.append(result)
    header += ["precision, work B", "here", "recall, work B", "here"]
    rows = []
    for model, name in matches:
        tests = [_test(result, name) for result in columns]
        fake = tests[0]["report"]["fake"] if tests and tests[0] else {}
        rows.append(
            [
                model.name,
                name or "-",
                number(model.accuracy),
                *(number(None if test is None else test["accuracy"]) for test in tests),
                number(model.precision, 2),
                number(fake.get("precision"), 2),
                number(model.recall, 2),
                number(fake.get("recall"), 2),
            ]
        )
    caption = (
        "Frames of the test part; precision and recall of fakes, those of this run "
        "under its own split"
    )
    return Table(caption, header, rows, from_column(2, header))


def _test(result: Json, name: str | None) -> Json | None:
    """Return the frames of the test part of a model, under a split of the run."""
    if name is None:
        return None
    beside = f"{name}@{result['split']['kind']}"
    parts = result["models"].get(name) or result["models"].get(beside) or {}
    return (parts.get("test") or {}).get("frame")


def _costs(matches: Sequence[Match], facts: Facts) -> Table:
    costs = (facts.evaluation or {"costs": {}})["costs"]
    header = ["model of work B", "run time, work B", "here"]
    header += ["most memory, work B", "here, all processes"]
    rows = []
    for model, name in matches:
        used = costs.get(name, {}) if name else {}
        rows.append(
            (
                model.name,
                seconds(model.run_s),
                seconds(used.get("run_s")),
                megabytes(model.max_memory_bytes),
                megabytes(used.get("max_rss_bytes")),
            )
        )
    caption = (
        "Cost of training; the first model here that needs the products of all rows "
        "bears their cost, and searches are in the section on cost"
    )
    return Table(caption, header, rows, from_column(1, header))


def differences(facts: Facts) -> list[str]:
    """Return a sentence on each thing that is not as in work B, data first."""
    settings = facts.settings
    return [
        *_data_differences(facts),
        *_split_differences(settings),
        *_row_differences(settings["extract"]),
        *_model_differences(facts),
    ] or ["Nothing that dfhpc knows of."]


def _data_differences(facts: Facts) -> list[str]:
    manifest = facts.manifest
    found: list[str] = []
    if manifest is None:
        return found
    compressions = sorted({kind["compression"] for kind in manifest["kinds"]})
    if compressions not in ([work_b.COMPRESSION], ["c0"]):
        known = listed([c for c in compressions if c != "-"]) or "unknown"
        found.append(
            f"Compression: work B took raw videos, this run {known}; compression hides "
            "what forging leaves."
        )
    fakes = {k["method"] for k in manifest["kinds"] if k["label"] == "fake"}
    if fakes != set(work_b.METHODS):
        found.append(
            f"Methods: work B took Deepfakes, this run {listed(sorted(fakes))}."
        )
    if manifest["videos"] != work_b.VIDEOS:
        found.append(
            f"Videos: work B took {work_b.VIDEOS:,}, this run {manifest['videos']:,}."
        )
    for each in (facts.tally or {"classes": []})["classes"]:
        theirs = work_b.CAPTURE.get(each["label"])
        if theirs is not None and each["capture_rate"] is not None:
            found.append(
                f"Capture rate of {each['label']} frames: work B "
                f"{percent(theirs, 2)}, this run {percent(each['capture_rate'], 2)}."
            )
    return found


def _split_differences(settings: Json) -> list[str]:
    split, found = settings["split"], []
    if split["kind"] != "random_rows":
        found.append(
            f"Split: work B's leaks, that of this run ({split['kind']}) keeps people "
            "apart; so a lower accuracy here is no worse model."
        )
    if split["test_share"] not in (0.2, 0.25):
        found.append(
            f"Test share: 0.2 in work B (once 0.25), {split['test_share']:g} here."
        )
    if split["seed"] != work_b.SEED:
        found.append(
            f"Seed of the split: {work_b.SEED} in work B, {split['seed']} here."
        )
    return found


def _row_differences(extract: Json) -> list[str]:
    theirs = {
        "policy": "stride",
        "stride": 30,
        "frames_per_video": 7,
        "min_confidence": 0.9,
        "choose": "first",
        "crop": "plain",
        "second_look": False,
        "faces": "one",
    }
    changed = [
        f"{key} {_word(extract[key])} (work B: {_word(value)})"
        for key, value in theirs.items()
        if extract[key] != value
    ]
    if extract["detector"] not in ("mtcnn", "mtcnn_reference"):
        changed.append(f"detector {extract['detector']} (work B: mtcnn)")
    found = [f"Faces: {', '.join(changed)}."] if changed else []
    return [*found, "Work B saved faces as JPEG twice; dfhpc keeps them as decoded."]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _model_differences(facts: Facts) -> list[str]:
    found = []
    for model, name in match(facts):
        if name is None:
            continue
        config = _config(facts.settings, name)
        theirs = {"balanced": False, "standardize": model.kind == "svm"}
        changed = [
            f"{key} {_word(config[key])} (work B: {_word(value)})"
            for key, value in theirs.items()
            if key in config and config[key] != value
        ]
        if changed:
            found.append(f"Model {name}: {', '.join(changed)}.")
    return found
