"""The commands that measure models: on their own test part, on other runs, worse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from dfhpc.cli_options import (
    folder_path,
    json_option,
    run_dir_argument,
    say,
    with_cluster,
)
from dfhpc.errors import ConfigError

# Everything else is imported by the command that needs it, so that --help is quick.

MAX_VIDEOS = 40

Part = Literal["all", "test"]


def _part_option(default: Part) -> Callable[..., Any]:
    return click.option(
        "--part",
        type=click.Choice(["all", "test"]),
        default=default,
        show_default=True,
        help="Which videos of the other run: all that are strangers to the models, or "
        "those of its own test part among them.",
    )


@click.command("evaluate")
@click.argument("run_dir", type=folder_path, required=False)
@click.option("--run-dir", "named", type=folder_path, help="The same as RUN_DIR.")
@click.option(
    "--on",
    "others",
    type=folder_path,
    multiple=True,
    metavar="OTHER_RUN",
    help="Measure on the faces of this run instead; may be given several times.",
)
@_part_option("all")
@with_cluster
@json_option
def evaluate(
    run_dir: Path | None,
    named: Path | None,
    others: tuple[Path, ...],
    part: Part,
    cluster: str | None,
    workers: int | None,
    workers_in_job: bool,
    as_json: bool,
) -> None:
    """Measure the models of RUN_DIR on held-out videos.

    With --on, on the faces that another run has extracted: trained on one method or
    data set, tested on another. Videos whose people trained or calibrated the models
    are left out and counted. The results are in RUN_DIR/evaluation/on.
    """
    from dfhpc import crossing, pipeline
    from dfhpc.reporting import tables

    chosen = _one_of(run_dir, named)
    keys = pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job)
    if others:
        results = crossing.evaluate_on(chosen, others, part, keys)
        _print(results, _results_text, as_json=as_json)
        return
    directory, settings = pipeline.reopen(chosen, keys)
    stages = ("evaluate",)
    if not pipeline.run_stages(directory, settings, stages, lambda stage, found: None):
        say("evaluate is done already.")
    found = pipeline.result(directory, "evaluate")
    _print(found, tables.evaluation_text, as_json=as_json)


def _one_of(argument: Path | None, option: Path | None) -> Path:
    chosen = [path for path in (argument, option) if path is not None]
    if len(chosen) != 1:
        how = "not both" if chosen else "neither is given"
        raise ConfigError(f"Name the run once: as RUN_DIR or as --run-dir, {how}.")
    return chosen[0]


def _results_text(results: list[dict[str, Any]]) -> str:
    from dfhpc.reporting import cross_text

    texts = [cross_text.on_text(result) for result in results]
    if len(results) > 1:
        texts.append(cross_text.results_text(results))
    return "\n\n".join(texts)


@click.command("cross")
@click.argument("run_dirs", type=folder_path, nargs=-1, required=True)
@click.option("--out", type=folder_path, required=True, help="Folder of the matrix.")
@_part_option("test")
@with_cluster
@json_option
def cross(
    run_dirs: tuple[Path, ...],
    out: Path,
    part: Part,
    cluster: str | None,
    workers: int | None,
    workers_in_job: bool,
    as_json: bool,
) -> None:
    """Measure the models of each of RUN_DIRS on the test part of each.

    Writes matrix.csv, matrix.json and a heat map a model into the folder --out: rows
    are what the models were trained on, columns what they are tested on. What is
    measured already is not measured again.
    """
    from dfhpc import crossing, pipeline
    from dfhpc.reporting.cross_text import matrix_text

    keys = pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job)
    matrix = crossing.cross_runs(run_dirs, out, part, keys)
    _print(matrix, matrix_text, as_json=as_json)
    say(f"Written to {out}: matrix.csv, matrix.json and a picture a model.")


@click.command("robustness")
@run_dir_argument
@click.option(
    "--max-videos",
    type=click.IntRange(min=2),
    default=MAX_VIDEOS,
    show_default=True,
    help="Test videos to take, half of each class where there are enough.",
)
@with_cluster
@json_option
def robustness(
    run_dir: Path,
    max_videos: int,
    cluster: str | None,
    workers: int | None,
    workers_in_job: bool,
    as_json: bool,
) -> None:
    """Score test videos of RUN_DIR that were made worse, in five ways and degrees.

    JPEG, re-encoding, scaling, blur and noise, before faces are looked for. Writes
    evaluation/robustness.json and .png. Interrupted, it goes on with the same command.
    """
    from dfhpc import crossing, pipeline
    from dfhpc.reporting.cross_text import robustness_text

    keys = pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job)
    found = crossing.measure_robustness(run_dir, max_videos, keys)
    _print(found, robustness_text, as_json=as_json)
    say(f"Curves: {Path(run_dir, 'evaluation', 'robustness.png')}")


def _print(value: Any, to_text: Callable[[Any], str], *, as_json: bool) -> None:
    click.echo(json.dumps(value, indent=1) if as_json else to_text(value))
