"""Cross-evaluation and robustness in words: tables for terminals, dicts for pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

Result = Mapping[str, Any]


def on_text(result: Result) -> str:
    """Return what the models of a run are worth on the faces of another."""
    other, own = result["other"], result["run"]
    title = f"Models of {own['name']} on {other['name']}"
    if result["part"] == "test":
        title += ", its test part"
    blocks = [f"{title}\n{'=' * len(title)}"]
    for half in halves(result):
        blocks.append(_counts_text(half, own["name"]))
        if half["models"]:
            rows = on_rows(half)
            header = list(rows[0])
            table = [list(row.values()) for row in rows]
            blocks.append(tabulate(table, headers=header, disable_numparse=True))
    blocks += [f"Note: {warning}" for warning in result["warnings"]]
    return "\n\n".join(blocks)


def halves(result: Result) -> list[Result]:
    """Return the result under the run's split, and under the one beside it."""
    return [result, *([result["beside"]] if result["beside"] else [])]


def _counts_text(half: Result, name: str) -> str:
    split, counts = half["split"], half["videos"]
    standings = counts["standings"]
    leaky = " (LEAKY)" if split["leaky"] else ""
    lines = [
        f"Split {split['kind']}{leaky} of {name}: {counts['scored']} videos scored "
        f"({counts['real']} real, {counts['fake']} fake) in "
        f"{_groups(counts['groups'])} of people."
    ]
    left = {
        "their people trained or calibrated the models": standings["seen"],
        f"{name} knows their people and does not test them": standings["unused"],
        "they have no label": counts["without_label"],
        "they have no face": counts["without_face"],
    }
    lines += [f"Left out: {n} videos, {why}." for why, n in left.items() if n]
    lines += [said for said in (half["why"], half["note"]) if said]
    return "\n".join(lines)


def on_rows(half: Result) -> list[dict[str, str]]:
    """Return a row for each model and level, and for each method's fakes.

    Each maps the heads of columns to text, for a terminal or a page alike.
    """
    rows = []
    for name, found in half["models"].items():
        for level in ("frame", "video"):
            rows.append(_on_row(name, f"{level}s", found[level]))
        if len(found["methods"]) > 1:
            rows += [
                _on_row(name, f"videos, {method}", by_level["video"])
                for method, by_level in found["methods"].items()
            ]
    return rows


def _on_row(name: str, what: str, found: Result) -> dict[str, str]:
    intervals = found.get("intervals_95", {})
    (real_right, real_wrong), (fake_wrong, fake_right) = found["confusion"]
    return {
        "model": name,
        "of": what,
        "n": str(found["num"]),
        "accuracy": _number(found["accuracy"]) + _span(intervals.get("accuracy")),
        "ROC AUC": _number(found["roc_auc"]) + _span(intervals.get("roc_auc")),
        "EER": _number(found["equal_error_rate"]),
        "reals called fake": _share(real_wrong, real_right + real_wrong),
        "fakes called fake": _share(fake_right, fake_right + fake_wrong),
    }


def results_text(results: Sequence[Result]) -> str:
    """Return the ROC AUC of videos of each model on each other run."""
    heads = ["model", *(_on_name(result) for result in results)]
    names = dict.fromkeys(
        name for result in results for half in halves(result) for name in half["models"]
    )
    rows = [[name, *(_on_cell(result, name) for result in results)] for name in names]
    title = "ROC AUC of videos, by the run that is tested"
    table = tabulate(rows, headers=heads, disable_numparse=True)
    return f"{title}\n\n{table}"


def _on_name(result: Result) -> str:
    part = " (test)" if result["part"] == "test" else ""
    return f"{result['other']['name']}{part}"


def _on_cell(result: Result, name: str) -> str:
    for half in halves(result):
        if name in half["models"]:
            level = half["models"][name]["video"]
            span = _span(level["intervals_95"]["roc_auc"])
            return f"{_number(level['roc_auc'])}{span} n={level['num']}"
    return "-"


def matrix_cells(
    matrix: Result, model: str, level: str = "video"
) -> list[list[dict[str, Any]]]:
    """Return k rows of k cells, for a heat map or a page.

    A cell has ``value`` (ROC AUC, or None), ``text``, ``interval`` and ``counts`` as
    words, ``own`` (the run's own test part), ``leaky``, ``few`` (too few groups for an
    interval) and ``why`` (a sentence where nothing is measured).
    """
    return [
        [_matrix_cell(cell, level, matrix["fewest_groups"]) for cell in row]
        for row in matrix["models"][model]
    ]


def _matrix_cell(cell: Result, level: str, fewest: int) -> dict[str, Any]:
    found = cell[level]
    value = None if found is None else found["roc_auc"]
    interval = None if found is None else found["roc_auc_95"]
    text = "–" if value is None else f"{value:.2f}"
    return {
        "value": value,
        "text": text + (" LEAKY" if cell["leaky"] else ""),
        "interval": ""
        if interval is None
        else f"{interval[0]:.2f} to {interval[1]:.2f}",
        "counts": "" if found is None else _counts(found, level),
        "own": cell["own"],
        "leaky": cell["leaky"],
        "few": found is not None and found["groups"] < fewest,
        "why": cell["why"],
    }


def _counts(found: Result, level: str) -> str:
    return f"{found['num']} {level}s, {_groups(found['groups'])}"


def _groups(count: int) -> str:
    return f"{count} group" if count == 1 else f"{count} groups"


def matrix_text(matrix: Result) -> str:
    """Return a table for each model: rows whose models, columns whose videos."""
    labels = [run["label"] for run in matrix["runs"]]
    blocks = []
    for model in matrix["models"]:
        title = f"Model {model}: ROC AUC of videos; trained on rows, tested on columns"
        cells = matrix_cells(matrix, model)
        rows = [
            [label, *(_cell_text(cell) for cell in row)]
            for label, row in zip(labels, cells, strict=True)
        ]
        table = tabulate(rows, headers=["", *labels], disable_numparse=True)
        blocks.append(f"{title}\n\n{table}")
        blocks += sorted({cell["why"] for row in cells for cell in row if cell["why"]})
    every = [
        c
        for model in matrix["models"]
        for row in matrix_cells(matrix, model)
        for c in row
    ]
    notes = ["* the run's own test part"]
    if any(cell["few"] for cell in every):
        fewest = matrix["fewest_groups"]
        notes.append(f"? fewer than {fewest} groups of people: read nothing into it")
    blocks.append("\n".join(notes))
    blocks += [f"Note: {warning}" for warning in matrix["warnings"]]
    return "\n\n".join(blocks)


def _cell_text(cell: Mapping[str, Any]) -> str:
    interval = f" [{cell['interval']}]" if cell["interval"] else ""
    counts = f" ({cell['counts']})" if cell["counts"] else ""
    marks = "*" * cell["own"] + "?" * cell["few"]
    return f"{cell['text']}{marks}{interval}{counts}"


def robustness_panels(found: Result) -> list[dict[str, Any]]:
    """Return what to draw of each kind of change, the unchanged videos first.

    A panel has ``kind``, ``title``, ``axis``, ``labels`` of the levels, and lines:
    ``auc`` (one a model), ``means`` (by model, real and fake) and ``capture`` (real
    and fake). A line has ``name``, ``values`` and ``intervals``, None where unknown.
    """
    baseline = found["baseline"]
    panels = []
    for kind, one in found["kinds"].items():
        levels = [baseline, *one["levels"]]
        models = list(baseline["models"])
        panels.append(
            {
                "kind": kind,
                "title": one["title"],
                "axis": one["axis"],
                "labels": ["as is", *(level["text"] for level in one["levels"])],
                "auc": [
                    _line(name, [level["models"][name] for level in levels], "roc_auc")
                    for name in models
                ],
                "means": {
                    name: [
                        _line(
                            label,
                            [level["models"][name][label] for level in levels],
                            "mean",
                        )
                        for label in ("real", "fake")
                    ]
                    for name in models
                },
                "capture": [
                    _line(label, [level["capture"][label] for level in levels], "rate")
                    for label in ("real", "fake")
                ],
            }
        )
    return panels


def _line(name: str, found: Sequence[Result], key: str) -> dict[str, Any]:
    return {
        "name": name,
        "values": [one[key] for one in found],
        "intervals": [one.get(f"{key}_95") for one in found],
    }


def robustness_rows(found: Result, model: str) -> list[dict[str, str]]:
    """Return a row for each level of each change, for a terminal or a page."""
    rows = [_robustness_row("as they are", "", found["baseline"], model)]
    for one in found["kinds"].values():
        for level in one["levels"]:
            rows.append(_robustness_row(one["title"], level["text"], level, model))
    return rows


def _robustness_row(title: str, text: str, level: Result, model: str) -> dict[str, str]:
    own, capture = level["models"][model], level["capture"]
    return {
        "change": title,
        "level": text,
        "videos": str(own["videos"]),
        "ROC AUC": _number(own["roc_auc"]) + _span(own["roc_auc_95"]),
        "mean, real": _number(own["real"]["mean"]) + _span(own["real"]["mean_95"]),
        "mean, fake": _number(own["fake"]["mean"]) + _span(own["fake"]["mean_95"]),
        "faces, real": _percent(capture["real"]["rate"]),
        "faces, fake": _percent(capture["fake"]["rate"]),
    }


def robustness_text(found: Result) -> str:
    """Return a table for each model, and what is to be said of it all."""
    counts = found["videos"]
    head = (
        f"{counts['measured']} test videos ({counts['real']} real, {counts['fake']} "
        f"fake) of {_groups(counts['groups'])}, made worse before faces are looked for"
    )
    blocks = [f"{head}\n{'=' * len(head)}"]
    for model in found["baseline"]["models"]:
        rows = robustness_rows(found, model)
        table = tabulate(
            [list(row.values()) for row in rows],
            headers=list(rows[0]),
            disable_numparse=True,
        )
        blocks.append(f"Model {model}\n\n{table}")
    blocks += [f"Note: {note}" for note in found["notes"]]
    return "\n\n".join(blocks)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _span(value: Sequence[float] | None) -> str:
    return "" if value is None else f" [{value[0]:.2f}, {value[1]:.2f}]"


def _share(count: int, total: int) -> str:
    return f"{count} of {total}" if total else "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
