"""The command that says whether dfhpc will work here."""

import json
import sys
from pathlib import Path

import click

from dfhpc.cli_options import (
    cluster_options,
    file_path,
    folder_path,
    json_option,
    say,
)
from dfhpc.constants import EXIT_FAILED

_set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override any key of the recipe, as cluster.queue=long.",
)


@click.command()
@click.argument("recipe", type=file_path, required=False)
@cluster_options[0]
@click.option(
    "--run-dir",
    "--folder",
    "folder",
    type=folder_path,
    default=Path(),
    help="Shared folder to try, where runs are to be. Default: the current one.",
)
@_set_option
@click.option(
    "--nights", type=click.IntRange(min=1), default=1, help="As of dfhpc submit."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="Seconds that the probe job may wait in its queue.",
)
@click.option("--only", multiple=True, metavar="PROBE", help="Ask only these probes.")
@json_option
def doctor(
    recipe: Path | None,
    cluster: str | None,
    folder: Path,
    assignments: tuple[str, ...],
    nights: int,
    wait: float,
    only: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find out whether dfhpc works here: on this host, and on a node by a small job.

    Each probe ends ok, warning, failure or skipped, with the remedy. Exits with 1
    if any failed. Nothing is left behind: the job is short, and cancelled at the end.
    """
    from dfhpc.doctor.examine import choose, examine
    from dfhpc.doctor.settings import doctor_settings
    from dfhpc.doctor.text import findings_text
    from dfhpc.doctor.visit import Visit

    settings = doctor_settings(recipe, folder, cluster, assignments)
    visit = Visit(settings, folder.absolute(), nights=nights, wait_s=wait, tell=say)
    findings = list(examine(visit, choose(settings.cluster.kind, only)))
    if as_json:
        click.echo(json.dumps([one.to_json() for one in findings], indent=1))
    else:
        click.echo(findings_text(findings, visit.titles()))
    if any(one.state == "failure" for one in findings):
        sys.exit(EXIT_FAILED)
