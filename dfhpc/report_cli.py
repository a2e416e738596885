"""The command that makes a page of a run."""

import json
from pathlib import Path

import click

from dfhpc.cli_options import file_path, json_option, run_dir_argument, say


@click.command()
@run_dir_argument
@click.option(
    "-o",
    "--output",
    type=file_path,
    help="HTML file to write. Default: report/report.html in RUN_DIR.",
)
@click.option(
    "--no-faces",
    is_flag=True,
    help="Leave the pictures of faces out, for readers who may not see them.",
)
@json_option
def report(run_dir: Path, output: Path | None, no_faces: bool, as_json: bool) -> None:
    """Write all that is known of RUN_DIR into one HTML file that opens anywhere.

    It needs no network and no other file. A run that is not finished is told of as
    far as it has come. The same run gives the same bytes.
    """
    from dfhpc.runs import open_run
    from dfhpc.stages.report import write_report

    written = write_report(open_run(run_dir), output, with_faces=not no_faces)
    for problem in written["problems"]:
        say(f"Not in the report: {problem}")
    if as_json:
        click.echo(json.dumps(written, indent=1))
        return
    click.echo(f"{written['report']} ({written['bytes'] / 1e6:.1f} MB)")
