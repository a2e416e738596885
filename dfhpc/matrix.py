"""The matrix of runs: each one's models on each one's test videos, themselves too."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import ModelError
from dfhpc.metrics import MIN_GROUPS

LEVELS = ("video", "frame")

MEASURES = ("roc_auc", "accuracy")

CSV_COLUMNS = (
    *("model", "trained_on", "tested_on", "own_test_part", "leaky", "level"),
    *("num", "real", "fake", "groups", "roc_auc", "roc_auc_low", "roc_auc_high"),
    *("accuracy", "accuracy_low", "accuracy_high", "videos_left_out", "why"),
)

Result = Mapping[str, Any]


def run_labels(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a short name for each run: its methods, its folder, or its path.

    >>> data = [{"methods": ["FaceSwap"]}, {"methods": ["Deepfakes", "Face2Face"]}]
    >>> run_labels([{"name": "a", "path": "/a", "data": each} for each in data])
    ['FaceSwap', 'Deepfakes+Face2Face']
    """
    methods = ["+".join(run["data"]["methods"] or []) for run in runs]
    for labels in (methods, [run["name"] for run in runs]):
        if all(labels) and len(set(labels)) == len(labels):
            return labels
    return [run["path"] for run in runs]


def common_models(evaluations: Sequence[Result]) -> list[str]:
    """Return the models that every run has, in the order of the first.

    Raises
    ------
    ModelError
        When there is none.
    """
    by_run = [list(_models(evaluation)) for evaluation in evaluations]
    common = [name for name in by_run[0] if all(name in names for names in by_run)]
    if not common:
        said = "; ".join(", ".join(names) for names in by_run)
        raise ModelError(
            f"The runs have no model in common ({said}); train the same ones in all."
        )
    return common


def build_matrix(
    runs: Sequence[Mapping[str, Any]],
    evaluations: Sequence[Result],
    results: Mapping[tuple[int, int], Result],
    part: str,
) -> dict[str, Any]:
    """Return the matrix of k runs as JSON values, by model a list of k * k cells.

    ``evaluations`` are those of each run on its own test part, ``results`` those of
    run i on run j. Rows are whose models, columns whose videos.
    """
    labels = run_labels(runs)
    warnings = [
        f"{labels[i]} on {labels[j]}: {warning}"
        for (i, j), result in sorted(results.items())
        for warning in result["warnings"]
    ]

    def cell(model: str, i: int, j: int) -> dict[str, Any]:
        if i == j:
            return _own_cell(evaluations[i], model)
        return _cell(results[i, j], model)

    return {
        "format_version": FORMAT_VERSION,
        "part": part,
        "runs": [
            {"label": label, **run} for label, run in zip(labels, runs, strict=True)
        ],
        "warnings": list(dict.fromkeys(warnings)),
        "fewest_groups": MIN_GROUPS,
        "models": {
            model: [
                [cell(model, i, j) for j in range(len(runs))] for i in range(len(runs))
            ]
            for model in common_models(evaluations)
        },
    }


def _models(found: Result) -> dict[str, Any]:
    """Return the models of a result or an evaluation, those beside included."""
    beside = found["beside"] or {"models": {}}
    return {**found["models"], **beside["models"]}


def _half(found: Result, model: str) -> Mapping[str, Any]:
    """Return the half of a result that a model is in: the run's split, or beside."""
    beside: Mapping[str, Any] | None = found["beside"]
    if beside is not None and model.endswith(f"@{beside['split']['kind']}"):
        return beside
    return found


def _own_cell(evaluation: Result, model: str) -> dict[str, Any]:
    test = _models(evaluation)[model].get("test")
    return {
        "own": True,
        "leaky": bool(_half(evaluation, model)["split"]["leaky"]),
        "left_out": 0,
        "why": "" if test else "No face was found in its own test part.",
        **_levels(test),
    }


def _cell(result: Result, model: str) -> dict[str, Any]:
    half = _half(result, model)
    standings = half["videos"]["standings"]
    return {
        "own": False,
        "leaky": False,
        "left_out": standings["seen"] + standings["unused"],
        "why": half["why"],
        **_levels(half["models"].get(model)),
    }


def _levels(found: Mapping[str, Any] | None) -> dict[str, Any]:
    return {level: None if found is None else _level(found[level]) for level in LEVELS}


def _level(found: Mapping[str, Any]) -> dict[str, Any]:
    names = ("num", "num_real", "num_fake", "groups", *MEASURES)
    intervals = {f"{name}_95": found["intervals_95"][name] for name in MEASURES}
    return {name: found[name] for name in names} | intervals


def matrix_csv(matrix: Mapping[str, Any]) -> str:
    """Return the matrix as a table with a line for each model, pair and level."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    labels = [run["label"] for run in matrix["runs"]]
    for model, rows in matrix["models"].items():
        for trained, row in zip(labels, rows, strict=True):
            for tested, cell in zip(labels, row, strict=True):
                head = [model, trained, tested, cell["own"], cell["leaky"]]
                for level in LEVELS:
                    writer.writerow([*head, level, *_csv_values(cell, level)])
    return text.getvalue()


def _csv_values(cell: Mapping[str, Any], level: str) -> list[Any]:
    found = cell[level]
    if found is None:
        values: list[Any] = [""] * (4 + 3 * len(MEASURES))
    else:
        values = [found[name] for name in ("num", "num_real", "num_fake", "groups")]
        for name in MEASURES:
            interval = found[f"{name}_95"] or (None, None)
            values += [_rounded(value) for value in (found[name], *interval)]
    return [*values, cell["left_out"], cell["why"]]


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
