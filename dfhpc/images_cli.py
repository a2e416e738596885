"""The commands about pictures: into a run, out of it, and to look at."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from dfhpc.cli_options import (
    file_path,
    folder_path,
    json_option,
    run_dir_argument,
    run_dir_option,
    say,
    with_cluster,
    with_settings,
)
from dfhpc.constants import EXIT_FAILED

MOST_PROBLEMS = 5
"""Printed one by one; videos that have moved have all moved."""

# Everything else is imported by the command that needs it, so that --help is quick.


@click.command("import-images")
@click.argument("data", type=folder_path)
@run_dir_option
@click.option("--recipe", type=file_path, help="Recipe of that run.")
@click.option(
    "--kind",
    type=click.Choice(["frames", "crops"]),
    help="frames: faces are looked for; crops: each image is a face. Default: frames.",
)
@click.option(
    "--group-by",
    "patterns",
    multiple=True,
    metavar="REGEX",
    help="Finds in an image's path below DATA which video it is of.",
)
@with_settings
@with_cluster
@json_option
def import_images(
    data: Path,
    run_dir: Path,
    recipe: Path | None,
    kind: str | None,
    patterns: tuple[str, ...],
    cluster: str | None,
    workers: int | None,
    workers_in_job: bool,
    as_json: bool,
    **options: Any,
) -> None:
    r"""Start a run on the images below DATA, in real/ and fake/, and extract.

    JPEG, PNG, BMP and WebP. A folder of images is one video; in one called real or
    fake, names tell: Deepfake_video3_image_12.jpg is of Deepfake_video3.

    \b
    --group-by takes a regular expression, searched for in the path below DATA:
      its first group, or all it matches, names the video;
      (?P<video>...) and (?P<group>...) name the video and who belongs together.
    Of several, the first that is found counts. Then: dfhpc run --run-dir RUN_DIR
    """
    from dfhpc import importing, pipeline
    from dfhpc.reporting.images_text import import_text

    wanted = {
        "data.path": str(data),
        "data.image_groups": list(patterns) or None,
        "extract.images": kind,
        **pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job),
    }
    settings = importing.resolve_import(run_dir, recipe, wanted, options)
    directory = pipeline.start(run_dir, settings)
    stages = ("scan", "extract")
    if not pipeline.run_stages(directory, settings, stages, lambda stage, found: None):
        say(f"{run_dir} has these images already.")
    summary = importing.summarize_import(directory, settings)
    click.echo(json.dumps(summary, indent=1) if as_json else import_text(summary))
    say(f"Next: dfhpc run --run-dir {run_dir}")


@click.command("export")
@run_dir_argument
@click.option("--to", "target", type=file_path, required=True, help="Folder or file.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "npz", "arr_0", "parquet"]),
    required=True,
    help="arr_0 is an npz as work B's, with pickled objects.",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["train", "calibration", "test"]),
    help="Only faces of this part of the run's split.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    type=click.Choice(["real", "fake", "unknown"]),
    help="Only faces of this class.",
)
@click.option("--force", is_flag=True, help="Replace an export that is there.")
@json_option
def export(
    run_dir: Path,
    target: Path,
    kind: str,
    parts: tuple[str, ...],
    labels: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Write the faces of RUN_DIR as a folder of PNGs, as .npz, or as Parquet.

    The file or folder is whole or not there; pixels are those of the store.
    """
    from dfhpc.reporting.images_text import export_text
    from dfhpc.runs import open_run
    from dfhpc.stages.export import Choice, export_rows
    from dfhpc.stages.scan import load_settings

    run = open_run(run_dir)
    choice = Choice(parts, labels)
    settings = load_settings(run)
    note = export_rows(run, settings, target, kind=kind, choice=choice, force=force)
    click.echo(json.dumps(note, indent=1) if as_json else export_text(note))


@click.command("inspect")
@run_dir_argument
@click.option("--video", metavar="ID", help="Show this video alone, and all of it.")
@click.option("--out", type=folder_path, help="Folder of the sheets.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Pictures of a kind; default 48."
)
@json_option
def inspect(
    run_dir: Path,
    video: str | None,
    out: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Draw contact sheets of RUN_DIR: misses, frames with boxes, faces.

    The least confident come first. It works while extraction is under way. ID is a
    video's id in manifest.csv, or its end, as FaceSwap/c40/videos/183_253.mp4. Sheets
    go to RUN_DIR/inspection. Exits with 1 if videos are gone and none could be read.
    """
    from dfhpc.reporting.images_text import inspection_text
    from dfhpc.runs import open_run
    from dfhpc.stages.inspect import inspect as draw

    note = draw(open_run(run_dir), out, video, limit)
    for problem in note["problems"][:MOST_PROBLEMS]:
        say(f"dfhpc: {problem}")
    if more := note["problems"][MOST_PROBLEMS:]:
        say(f"dfhpc: {len(more)} more such problems are listed in inspection.json.")
    click.echo(json.dumps(note, indent=1) if as_json else inspection_text(note))
    if note["videos_not_readable_any_more"] and not note["videos_read_again"]:
        sys.exit(EXIT_FAILED)
