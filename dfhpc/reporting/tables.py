"""Facts as plain text, in tables like those of the published work."""

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from dfhpc.reporting.calibration_text import calibration_text

LEVELS = ("frame", "video")


def manifest_text(summary: Mapping[str, Any]) -> str:
    """Return what a scan found."""
    labels = summary["labels"]
    head = (
        f"{summary['videos']} videos ({labels['real']} real, {labels['fake']} fake, "
        f"{labels['unknown']} without label) in {summary['groups']} groups, "
        f"{summary['bytes'] / 1e9:.2f} GB"
    )
    rows = [(m["method"], m["label"], m["videos"]) for m in summary["methods"]]
    return f"{head}\n\n{tabulate(rows, headers=['method', 'label', 'videos'])}"


def audit_text(evaluation: Mapping[str, Any]) -> str:
    """Return the split, its balance, and what its parts share."""
    audit, split = evaluation["audit"], evaluation["split"]
    leaky = " -- LEAKY" if split["leaky"] else ""
    not_scored = evaluation["not_scored"]
    balance = [
        (part, c["videos"], c["real"], c["fake"], c["groups"], not_scored[part])
        for part, c in audit["balance"].items()
    ]
    overlap = [
        (pair, counts["groups"], counts["videos"], counts["sources"])
        for pair, counts in audit["overlap"].items()
    ]
    lines = [
        f"Split {split['kind']} (seed {split['seed']}){leaky}",
        "",
        tabulate(
            balance,
            headers=["part", "videos", "real", "fake", "groups", "without a face"],
        ),
        "",
        tabulate(overlap, headers=["shared by", "groups", "videos", "sources"]),
    ]
    if any(any(counts.values()) for counts in audit["overlap"].values()):
        lines += ["", "LEAKY: the parts share people; the scores below are too good."]
    if not audit["groups_known"]:
        lines += [
            "",
            "Each video is its own group here: nothing tells who is in it, so",
        ]
        lines += ["the same people may be on both sides. Give groups in a CSV table."]
    for reason, count in split["unused"].items():
        lines += ["", f"{count} videos are not used: {reason}."]
    return "\n".join(lines)


def evaluation_text(evaluation: Mapping[str, Any]) -> str:
    """Return every model's test scores, and its table of classes."""
    beside = evaluation["beside"]
    parts = _split_texts(evaluation, evaluation["costs"])
    if beside is not None:
        parts += _split_texts(beside, evaluation["costs"])
        parts.append(_comparison_text(evaluation, beside))
    return "\n\n".join(parts)


def _split_texts(evaluation: Mapping[str, Any], costs: Mapping[str, Any]) -> list[str]:
    """Return a text on the split, and one on each model under it and its cost."""
    mark = _leak_mark(evaluation)
    parts = [audit_text(evaluation)]
    for name, by_part in evaluation["models"].items():
        parts.append(_model_text(name, by_part.get("test"), mark))
        if name in costs:
            cost = "\n".join(costs[name]["lsf"])
            parts.append(f"Resource usage summary of training {name}:\n\n{cost}")
    if text := calibration_text(evaluation.get("probabilities", {})):
        parts.append(text)
    if any(name in costs for name in evaluation["models"]):
        parts.append(
            "The first model that needs a Gram matrix bears its cost; a search is a "
            "stage of its own in `dfhpc usage`."
        )
    return parts


def _comparison_text(own: Mapping[str, Any], beside: Mapping[str, Any]) -> str:
    """Return the scores of each model under the run's split and the one beside it."""
    suffix = f"@{beside['split']['kind']}"
    rows = []
    for name, parts in own["models"].items():
        tests = [parts.get("test"), beside["models"][name + suffix].get("test")]
        for level in LEVELS:
            found = [None if test is None else test[level] for test in tests]
            accuracy = [None if f is None else f["accuracy"] for f in found]
            area = [None if f is None else f["roc_auc"] for f in found]
            row = [*accuracy, *area]
            rows.append((name, level, *map(_number, row)))
    kinds = [_split_name(own["split"]), _split_name(beside["split"])]
    header = ["model", "level"] + [
        f"{measure}, {kind}" for measure in ("accuracy", "AUC") for kind in kinds
    ]
    title = "The same models under both splits, test parts"
    table = tabulate(rows, headers=header, disable_numparse=True)
    return f"{title}\n{'=' * len(title)}\n\n{table}"


def _split_name(split: Mapping[str, Any]) -> str:
    return f"{split['kind']} (LEAKY)" if split["leaky"] else str(split["kind"])


def _leak_mark(evaluation: Mapping[str, Any]) -> str:
    """Return what to set behind every score that is too good to be true."""
    shared = evaluation["audit"]["overlap"]["train/test"]
    if not evaluation["split"]["leaky"] and not any(shared.values()):
        return ""
    return (
        f" -- LEAKY: {shared['videos']} videos and {shared['groups']} groups "
        "both train and test"
    )


def _model_text(name: str, test: Mapping[str, Any] | None, mark: str) -> str:
    title = f"Model {name}, test part{mark}"
    if test is None:
        return f"{title}: no face in it"
    measures = [_measure_row(level, test[level]) for level in LEVELS]
    measures += [
        _measure_row(f"{level}, {method}", found[level])
        for method, found in test["methods"].items()
        for level in LEVELS
    ]
    header = ["level", "n", "accuracy", "ROC AUC", "AP", "EER", "log loss", "Brier"]
    table = tabulate(measures, headers=header, disable_numparse=True)
    blocks = [f"{title}\n{'=' * len(title)}", table]
    blocks += [_class_text(level, test[level]) for level in LEVELS]
    return "\n\n".join(blocks)


def _measure_row(name: str, found: Mapping[str, Any]) -> list[str]:
    intervals = found.get("intervals_95", {})
    return [
        name,
        str(found["num"]),
        _number(found["accuracy"]) + _interval(intervals.get("accuracy")),
        _number(found["roc_auc"]) + _interval(intervals.get("roc_auc")),
        _number(found["average_precision"]),
        _number(found["equal_error_rate"]),
        _number(found["log_loss"]),
        _number(found["brier"]),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(value: list[float] | None) -> str:
    return "" if value is None else f" [{value[0]:.2f}, {value[1]:.2f}]"


def _class_text(level: str, found: Mapping[str, Any]) -> str:
    """Return the table of classes and the confusion matrix of one level."""
    report = found["report"]
    measures = ("precision", "recall", "f1-score")
    rows = [
        [name, *(f"{report[name][m]:.2f}" for m in measures), _support(report[name])]
        for name in ("fake", "real")
    ]
    rows.append(["accuracy", "", "", _number(found["accuracy"]), str(found["num"])])
    rows += [
        [name, *(f"{report[name][m]:.2f}" for m in measures), _support(report[name])]
        for name in ("macro avg", "weighted avg")
    ]
    header = [f"{level}s", "precision", "recall", "f1-score", "support"]
    (real_real, real_fake), (fake_real, fake_fake) = found["confusion"]
    confusion = tabulate(
        [["real", real_real, real_fake], ["fake", fake_real, fake_fake]],
        headers=["", "called real", "called fake"],
    )
    table = tabulate(rows, headers=header, disable_numparse=True)
    return f"{table}\n\n{confusion}"


def _support(report: Mapping[str, float]) -> str:
    return f"{report['support']:.0f}"


def training_text(cards: Mapping[str, Any]) -> str:
    """Return what each model was trained on."""
    rows = [
        (
            name,
            card["faces"]["real"],
            card["faces"]["fake"],
            card["split"]["kind"] + (" -- LEAKY" if card["split"]["leaky"] else ""),
            ", ".join(f"{count} {unit}" for unit, count in card["history"].items()),
        )
        for name, card in cards.items()
    ]
    header = ["model", "real faces", "fake faces", "split", "trained"]
    return str(tabulate(rows, headers=header))
