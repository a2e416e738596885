"""Options and phrases that the commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]

file_path = click.Path(path_type=Path)
folder_path = click.Path(path_type=Path, file_okay=False)

run_dir_argument = click.argument("run_dir", type=folder_path)
run_dir_option = click.option(
    "--run-dir", type=folder_path, required=True, help="Folder of this run's results."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Worker processes; 0 works in this process. Default: one a core.",
)
cluster_options = (
    click.option(
        "--cluster",
        metavar="KIND",
        help="Where the workers are: local, slurm, lsf; auto, the batch system whose "
        "job this is; or the address or scheduler file of a Dask cluster.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        help="Workers; 0 works in this process. Default: one a core, or 4 jobs.",
    ),
    click.option(
        "--workers-in-job",
        is_flag=True,
        help="Start the workers inside this batch job, where nodes may not submit.",
    ),
)
every_option = click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0.1),
    default=5.0,
    metavar="SECONDS",
    help="With --watch: how often to look; default 5.",
)
setting_options = (
    click.option(
        "--layout",
        type=click.Choice(
            ["auto", "ffpp", "dfdc", "celebdf", "folders", "csv", "images"]
        ),
        help="Layout of the data set; auto looks which one it is.",
    ),
    click.option(
        "--frames-per-video", type=int, help="Frames taken of a video, at most."
    ),
    click.option(
        "--detector",
        type=click.Choice(["mtcnn", "mtcnn_reference", "haar"]),
        help="Face detector.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        help="Where mtcnn runs; cuda needs onnxruntime-gpu.",
    ),
    click.option(
        "--faces",
        type=click.Choice(["one", "all"]),
        help="Rows for the chosen face of a frame, or for each person's.",
    ),
    click.option(
        "--split",
        type=click.Choice(["group", "official", "official_strict", "random_rows"]),
        help="How videos are split; random_rows leaks.",
    ),
    click.option("--models", help="Models to train, as sgd,random_forest."),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override any key of the recipe, as extract.stride=15.",
    ),
)


def with_settings(command: Command) -> Command:
    """Add the options that override a recipe."""
    for option in reversed(setting_options):
        command = option(command)
    return command


def with_cluster(command: Command) -> Command:
    """Add the options that say where the work is done."""
    for option in reversed(cluster_options):
        command = option(command)
    return command


def say(message: str) -> None:
    """Tell a person something that is no part of the output."""
    from dfhpc.escaping import escaped

    click.echo("\n".join(escaped(line) for line in message.split("\n")), err=True)
