"""The command that judges videos."""

import json
import sys
from pathlib import Path

import click

from dfhpc.cli_options import file_path, folder_path, json_option, run_dir_option
from dfhpc.constants import EXIT_FAILED


@click.command()
@click.argument("videos", type=file_path, nargs=-1, required=True)
@run_dir_option
@click.option(
    "--model",
    help="Model to ask, or all of them, of which one decides. Default: the best one on "
    "the calibration part.",
)
@click.option(
    "--out",
    type=folder_path,
    help="Folder for a page and a JSON file a video, and of all a page and a table. "
    "The same command goes on.",
)
@json_option
def predict(
    videos: tuple[Path, ...],
    run_dir: Path,
    model: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Judge VIDEOS: fake, real, inconclusive, not_applicable or error.

    Of a folder, the videos below it. One line a video says why; with --json, one
    object. Exits with 1 if no video could be read, with 75 if it was stopped.
    """
    from dfhpc.escaping import escaped
    from dfhpc.reporting.lines import print_line
    from dfhpc.reporting.verdict_text import verdict_text
    from dfhpc.runs import open_run
    from dfhpc.verdict_files import judge_videos

    statuses = set()
    for verdict in judge_videos(open_run(run_dir), model, videos, out):
        statuses.add(verdict["status"])
        as_text = escaped(json.dumps(verdict, ensure_ascii=False))
        print_line(as_text if as_json else verdict_text(verdict))
    if statuses == {"error"}:
        sys.exit(EXIT_FAILED)
