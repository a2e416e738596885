"""Training by dfhpc against scikit-learn in memory, on the same made-up rows.

What is measured of dfhpc is the command that a user gives: `dfhpc run` on rows that
are extracted, from the store to trained model and evaluation, in a run directory
that has nothing else yet. The rival reads the same store, fits, and predicts the
same test rows. Both start as fresh processes, in turn.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import CONTENDERS, Contender, Rival
from benchmarks.measure import (
    Attempt,
    alternate,
    measure,
    measure_call,
    median,
)
from benchmarks.report import finish, growth, rounded, table_text
from benchmarks.rows import make_run
from benchmarks.view import dfhpc_command, fresh_view, read_predictions, read_truth
from dfhpc.errors import DfhpcError
from dfhpc.runs import RunDirectory


@dataclass(frozen=True)
class Plan:
    """What is measured of each model at each size."""

    folder: Path
    repeats: int
    workers: int
    rival_rows: int
    """The rival runs up to this size."""
    rival_timeout_s: float
    rivals_only: bool


def match(plan: Plan, model: str, num_rows: int) -> dict[str, Any]:
    """Measure one model at one size and return its entry of the results."""
    contender = CONTENDERS[model]
    made = make_run(plan.folder / f"rows-{num_rows}", num_rows)
    view = fresh_view(made, plan.folder / "view", {})
    truth = read_truth(view)
    runs: dict[str, Callable[[], Attempt]] = {}
    if not plan.rivals_only:
        runs["ours"] = functools.partial(_run_ours, plan, contender, made)
    if contender.rival and num_rows <= plan.rival_rows:
        runs["rival"] = functools.partial(
            _run_rival, plan, contender.rival, contender, view
        )
    found = alternate(runs, plan.repeats)
    ours, rival = (_figures(found.get(side), truth) for side in ("ours", "rival"))
    return {
        "model": model,
        "rows": num_rows,
        **ours,
        **{f"rival_{name}": value for name, value in rival.items()},
        "time_ratio": _ratio(rival["seconds"], ours["seconds"]),
        "memory_ratio": _ratio(rival["peak_rss_bytes"], ours["peak_rss_bytes"]),
        "agreement": _agreement(found),
        "rival_facts": found["rival"][-1][1]["facts"] if "rival" in found else None,
    }


def _figures(
    attempts: Sequence[Attempt] | None, truth: NDArray[np.int8]
) -> dict[str, Any]:
    """Return the medians of one side, and how often it was right; None if not run."""
    if not attempts:
        names = ("seconds", "peak_rss_bytes", "peak_process_bytes", "accuracy")
        return dict.fromkeys(names)
    middle = median([measured for measured, _ in attempts])
    accuracy = float(np.mean(attempts[-1][1]["predicted"] == truth))
    return {**asdict(middle), "accuracy": accuracy}


def _ratio(rival: float | None, ours: float | None) -> float | None:
    return rival / ours if rival and ours else None


def _agreement(found: Mapping[str, Sequence[Attempt]]) -> float | None:
    """Return the share of test rows that both sides call the same."""
    if not all(found.get(side) for side in ("ours", "rival")):
        return None
    ours, rival = (np.array(found[s][-1][1]["predicted"]) for s in ("ours", "rival"))
    return float(np.mean(ours == rival))


def _run_ours(plan: Plan, contender: Contender, made: RunDirectory) -> Attempt:
    settings = contender.settings | {
        "train.models": [contender.trained_as, *contender.also],
        "cluster.workers": plan.workers,
    }
    view = fresh_view(made, plan.folder / "view", settings)
    measured = measure(dfhpc_command(view))
    return measured, {"predicted": read_predictions(view, contender.trained_as)}


def _run_rival(plan: Plan, rival: Rival, contender: Contender, view: Path) -> Attempt:
    return measure_call(
        rival,
        str(view),
        contender.parameter,
        timeout_s=plan.rival_timeout_s,
    )


FIGURES = ("seconds", "peak_rss_bytes", "rival_seconds", "rival_peak_rss_bytes")


def growths(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return with which power of the rows each model's figures grow."""
    found = []
    for model in dict.fromkeys(entry["model"] for entry in results):
        entries = [entry for entry in results if entry["model"] == model]
        sizes = [entry["rows"] for entry in entries]
        powers = {name: growth(sizes, [e[name] for e in entries]) for name in FIGURES}
        found.append({"model": model, **powers})
    return found


def results_text(results: Sequence[dict[str, Any]]) -> str:
    """Return a table with a line for each model and size."""
    rows = [
        (
            entry["model"],
            entry["rows"],
            *(rounded(entry[f"{side}seconds"], 1) for side in ("", "rival_")),
            rounded(entry["time_ratio"], 2),
            *(
                rounded(entry[f"{side}peak_{kind}_bytes"], 2, 1e9)
                for side in ("", "rival_")
                for kind in ("rss", "process")
            ),
            *(rounded(entry[f"{side}accuracy"], 3) for side in ("", "rival_")),
            rounded(entry["agreement"], 4),
        )
        for entry in results
    ]
    return table_text(rows, RESULT_HEADERS)


def _line(entry: dict[str, Any]) -> str:
    """Return the news of one entry, for those who wait."""
    sides = {"dfhpc": entry["seconds"], "rival": entry["rival_seconds"]}
    times = ", ".join(f"{name} {s:.1f} s" for name, s in sides.items() if s)
    return f"{entry['model']}, {entry['rows']} rows: {times or 'nothing was run'}"


RESULT_HEADERS = (
    "model",
    "rows",
    "s",
    "rival s",
    "times\nfaster",
    "GB,\nall",
    "GB, one\nprocess",
    "rival\nGB, all",
    "rival GB,\none",
    "accuracy",
    "rival\naccuracy",
    "agreement",
)


def growths_text(found: Sequence[dict[str, Any]]) -> str:
    """Return a table of the powers."""
    rows = [
        [entry["model"], *(rounded(entry[name], 2) for name in FIGURES)]
        for entry in found
    ]
    headers = ("model", "s", "GB", "rival s", "rival GB")
    return f"Grows with this power of the rows\n\n{table_text(rows, headers)}"


def _sizes(_: Any, __: Any, value: str | None) -> list[int] | None:
    if value is None:
        return None
    try:
        return [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter("write sizes as 500,1000,2000") from None


def _models(_: Any, __: Any, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    unknown = sorted(set(names) - CONTENDERS.keys())
    if unknown:
        known = ", ".join(CONTENDERS)
        raise click.BadParameter(f"there is no {unknown[0]}; there are {known}")
    return names


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(help=__doc__)
@click.option("--rows", default=1000, show_default=True, help="Train and test rows.")
@click.option("--grow", callback=_sizes, help="Sizes instead, as 500,1000,2000.")
@click.option(
    "--models",
    default="svm,logistic_regression,random_forest",
    show_default=True,
    callback=_models,
    help=f"Some of {', '.join(CONTENDERS)}.",
)
@click.option("--rival-rows", default=1000, show_default=True, help="Rival's most.")
@click.option("--rival-timeout", default=3600.0, help="Seconds; then it is given up.")
@click.option("--rivals-only", is_flag=True, help="Leave dfhpc out.")
@click.option("--repeats", default=1, show_default=True, help="Runs; gives medians.")
@click.option("--workers", default=2, show_default=True, help="Workers of dfhpc.")
@click.option("--folder", type=_FOLDER, default="runs/benchmarks", help="Keeps rows.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(
    rows: int,
    grow: list[int] | None,
    models: list[str],
    *,
    as_json: bool,
    rival_timeout: float,
    **plan: Any,
) -> None:
    """Measure every model at every size and print what was found."""
    chosen = Plan(rival_timeout_s=rival_timeout, **plan)
    sizes = grow or [rows]
    results = []
    try:
        for num_rows in sizes:
            for model in models:
                results.append(match(chosen, model, num_rows))
                click.echo(_line(results[-1]), err=True)
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    click.echo(results_text(results))
    found: dict[str, Any] = {"results": results}
    if len(sizes) > 1:
        found["growth"] = growths(results)
        click.echo(f"\n{growths_text(found['growth'])}")
    finish(found, as_json=as_json)


if __name__ == "__main__":
    main()
