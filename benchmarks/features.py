"""Pixels against features: accuracy on people kept apart, time and memory.

On the rows of a run directory that is extracted, every model is trained and
evaluated on pixels, on spectra and on residuals by the command that a user gives,
in a new run directory each time, the three in turn, under a split by group with one
seed after another. Beside them stands what the size of a face alone is worth, and how
well a spectrum tells that size: a face is scaled to 320 x 320, so that its size shows
in the spectrum, and what looks like a trace of forgery may be a trace of size.
"""

import functools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.face_size import judge_size, size_from_spectrum
from benchmarks.measure import Attempt, Measured, alternate, measure, median
from benchmarks.report import finish, rounded, table_text
from benchmarks.view import dfhpc_command, fresh_view
from dfhpc.errors import DfhpcError
from dfhpc.model_configs import RowsConfig
from dfhpc.runs import RunDirectory, open_run, read_json
from dfhpc.stages.scan import load_settings
from dfhpc.videos.manifest import read_manifest

FEATURES = ("pixels", "spectrum", "residual")


@dataclass(frozen=True)
class Plan:
    """What is compared on which rows."""

    made: RunDirectory
    folder: Path
    models: tuple[str, ...]
    seeds: int
    workers: int


def view_of(plan: Plan, features: str, seed: int) -> RunDirectory:
    """Return a new run directory on the same rows, to train on one kind of features."""
    settings = load_settings(plan.made)
    sections = settings.model_dump(mode="json")
    named = {
        name_of(model, features): {"kind": model, "features": features}
        for model in plan.models
    }
    changes = {
        "data": sections["data"],
        "extract": sections["extract"],
        # Nothing is calibrated here, so that those videos may train.
        "split": {"kind": "group", "seed": seed, "calibration_share": 0.0},
        "train.models": list(named),
        "train.named": named,
        "cluster.workers": plan.workers,
    }
    return RunDirectory(fresh_view(plan.made, plan.folder / features, changes))


def name_of(model: str, features: str) -> str:
    """Return what a model on some features is called.

    >>> name_of("svm", "spectrum")
    'svm_on_spectrum'
    """
    return f"{model}_on_{features}"


def contest(plan: Plan, seed: int) -> tuple[list[dict[str, Any]], dict[str, Measured]]:
    """Return what each model found with one seed, and what each command took."""
    runs: dict[str, Callable[[], Attempt]] = {
        features: functools.partial(_attempt, plan, features, seed)
        for features in FEATURES
    }
    found = {name: attempts[0] for name, attempts in alternate(runs, 1).items()}
    worth = {
        (model, features): found[features][1][name_of(model, features)]
        for features in FEATURES
        for model in plan.models
    }
    view = spectrum_view(plan)
    for model, test in judge_size(view, seed).items():
        worth[model, "size only"] = _worth(test)
    groups = _test_groups(view)
    entries = [
        {"model": model, "features": features, "seed": seed, "test_groups": groups}
        | figures
        for (model, features), figures in worth.items()
    ]
    return entries, {name: measured for name, (measured, _) in found.items()}


def spectrum_view(plan: Plan) -> RunDirectory:
    """Return the last run directory that was trained on spectra."""
    return RunDirectory((plan.folder / "spectrum").absolute())


def _test_groups(view: RunDirectory) -> list[str]:
    members = set(read_json(view.split_path)["test"])
    videos = read_manifest(view.manifest_path)
    return sorted({v.group_id for v in videos if v.video_id in members})


def _attempt(plan: Plan, features: str, seed: int) -> Attempt:
    view = view_of(plan, features, seed)
    measured = measure(dfhpc_command(view.path))
    models = read_json(view.evaluation_path)["models"]
    return measured, {name: _worth(found["test"]) for name, found in models.items()}


def _worth(test: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one model on the test part."""
    video = test["video"]
    return {
        "video_auc": video["roc_auc"],
        "video_auc_95": video["intervals_95"]["roc_auc"],
        "frame_auc": test["frame"]["roc_auc"],
        "video_accuracy": video["accuracy"],
        "videos": video["num"],
        "groups": video["groups"],
    }


def summarize(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the figures of each model on each kind of features over the seeds."""
    keys = list(dict.fromkeys((e["model"], e["features"]) for e in entries))
    found = []
    for model, features in keys:
        own = [e for e in entries if (e["model"], e["features"]) == (model, features)]
        parts = by_test_part(own)
        found.append(
            {
                "model": model,
                "features": features,
                "seeds": len(own),
                "test_parts": len(parts),
                "video_auc": _mean(list(parts.values())),
                "video_auc_lowest": min(parts.values(), default=None),
                "video_auc_highest": max(parts.values(), default=None),
                "video_auc_95": _interval(own, list(parts.values())),
                "frame_auc": _mean([e["frame_auc"] for e in own]),
                "video_accuracy": _mean([e["video_accuracy"] for e in own]),
            }
        )
    return found


def by_test_part(entries: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], float]:
    """Return the mean video AUC of each test part: seeds may test on the same groups.

    >>> entry = {"test_groups": ["a"], "video_auc": 0.5}
    >>> by_test_part([entry, entry | {"video_auc": 1.0}])
    {('a',): 0.75}
    """
    found: dict[tuple[str, ...], list[float]] = {}
    for entry in entries:
        if entry["video_auc"] is not None:
            part = tuple(entry["test_groups"])
            found.setdefault(part, []).append(entry["video_auc"])
    return {part: statistics.mean(values) for part, values in found.items()}


def _interval(
    entries: Sequence[dict[str, Any]], parts: Sequence[float]
) -> list[float] | None:
    """Return a 95 % interval: of one seed by its groups, or of the mean over parts.

    The first, the median over seeds, is there with five test groups or more. With
    fewer, test parts are few and mostly have no group in common; then it is Student's.
    """
    from scipy.stats import t

    known = [e["video_auc_95"] for e in entries if e["video_auc_95"]]
    if known:
        return [
            statistics.median(interval[end] for interval in known) for end in (0, 1)
        ]
    if len(parts) < 2:
        return None
    half = t.ppf(0.975, len(parts) - 1) * statistics.stdev(parts) / len(parts) ** 0.5
    mean = statistics.mean(parts)
    return [float(max(0.0, mean - half)), float(min(1.0, mean + half))]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def results_text(found: Sequence[dict[str, Any]]) -> str:
    """Return a table with a line for each model on each kind of features."""
    lines = []
    for entry in found:
        low_high = entry["video_auc_95"]
        lines.append(
            (
                entry["model"],
                entry["features"],
                rounded(entry["video_auc"], 3),
                rounded(entry["video_auc_lowest"], 3),
                rounded(entry["video_auc_highest"], 3),
                low_high and "{:.3f} to {:.3f}".format(*low_high),
                rounded(entry["frame_auc"], 3),
                rounded(entry["video_accuracy"], 3),
            )
        )
    headers = (
        "model",
        "features",
        "video AUC, mean\nof test parts",
        "lowest",
        "highest",
        "95 %",
        "frame AUC",
        "video\naccuracy",
    )
    return table_text(lines, headers)


_FOLDER = click.Path(path_type=Path, file_okay=False)
_KNOWN = [model.model_fields["kind"].default for model in RowsConfig.__args__]


@click.command(help=__doc__)
@click.argument("run_dir", type=_FOLDER)
@click.option("--seeds", default=6, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(_KNOWN),
    default=("svm", "logistic_regression", "random_forest"),
    show_default=True,
    help="May be given several times.",
)
@click.option("--workers", default=2, show_default=True, help="Workers of dfhpc.")
@click.option("--folder", type=_FOLDER, default="runs/benchmarks/features")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(run_dir: Path, *, as_json: bool, folder: Path, **plan: Any) -> None:
    """Train everything under every seed and print what was found."""
    entries, costs = [], []
    try:
        chosen = Plan(open_run(run_dir), folder, **plan)
        for seed in range(chosen.seeds):
            found, cost = contest(chosen, seed)
            entries += found
            costs.append(cost)
            seconds = ", ".join(f"{k} {m.seconds:.1f} s" for k, m in cost.items())
            click.echo(f"seed {seed}: {seconds}", err=True)
        size = size_from_spectrum(spectrum_view(chosen))
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    summary = summarize(entries)
    taken = {name: median([cost[name] for cost in costs]) for name in FEATURES}
    click.echo(results_text(summary))
    click.echo(f"\n{_costs_text(taken)}")
    click.echo(f"\n{_size_text(size)}")
    result = {
        "results": entries,
        "summary": summary,
        "costs": {name: asdict(measured) for name, measured in taken.items()},
        "size_from_spectrum": size,
    }
    finish(result, as_json=as_json)


def _size_text(size: dict[str, Any]) -> str:
    return (
        "From the spectra of other people, a ridge tells the size of "
        f"{size['faces']} faces of {size['groups']} groups with a correlation of "
        f"{rounded(size['correlation'], 2)}, off by a factor of "
        f"{size['median_error']:.2f} in the median."
    )


def _costs_text(taken: dict[str, Any]) -> str:
    """Return a table of what all models on some features took, train and evaluate."""
    lines = [
        (
            name,
            rounded(m.seconds, 1),
            rounded(m.peak_rss_bytes, 2, 1e9),
            rounded(m.peak_process_bytes, 2, 1e9),
        )
        for name, m in taken.items()
    ]
    headers = ("features", "s, median", "GB, all", "GB, one\nprocess")
    return table_text(lines, headers)


if __name__ == "__main__":
    main()
