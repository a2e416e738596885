"""The commands about clusters: submit, cancel, dashboard."""

import json
from pathlib import Path
from typing import Any

import click

from dfhpc.cli_options import (
    file_path,
    json_option,
    run_dir_argument,
    run_dir_option,
    say,
    with_cluster,
    with_settings,
)


@click.command()
@click.argument("recipe", type=file_path, required=False)
@click.option("--data", type=file_path, help="Folder of videos, or a CSV table.")
@run_dir_option
@with_settings
@with_cluster
@click.option(
    "--nights",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Jobs in a chain; each goes on where the last one stopped.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be submitted.")
def submit(
    recipe: Path | None,
    data: Path | None,
    run_dir: Path,
    cluster: str | None,
    workers: int | None,
    workers_in_job: bool,
    nights: int,
    dry_run: bool,
    **options: Any,
) -> None:
    """Submit a run to SLURM or LSF, for one night or several.

    The settings are checked here and kept in the run directory. The job is the
    driver; it submits its workers itself, or starts them inside (--workers-in-job).
    """
    from dfhpc import pipeline, preflight, submission
    from dfhpc.cluster.identity import NO_RUN_ID
    from dfhpc.cluster.user_defaults import with_user_defaults
    from dfhpc.reporting.cluster_text import night_text
    from dfhpc.runs import RunDirectory

    keys = pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job)
    first = {"data.path": data and str(data), **keys}
    settings = pipeline.resolve(run_dir, recipe, first, options)
    env_script = submission.find_env_script(recipe)
    config = with_user_defaults(settings.cluster)
    run = RunDirectory(run_dir.absolute())
    preflight.check(run, settings)
    if pipeline.is_finished(run, settings):
        say(f"{run_dir} is finished; nothing is left to do.")
        return
    if dry_run:
        for night in submission.plan_nights(run, config, nights, env_script):
            asked = night.submission
            click.echo(night_text(asked.command, asked.script, asked.script_path))
        if not run.run_id_path.exists():
            say(f"{NO_RUN_ID} stands for a word made when the run is submitted.")
        return
    preflight.fetch_weights(settings)
    if config.kind == "slurm":
        preflight.ask_slurm(run, config)
    pipeline.start(run_dir, settings)
    ids = submission.submit_nights(run, config, nights, env_script)
    click.echo("\n".join(ids))
    say(f"Next: dfhpc status {run_dir} --watch")


@click.command()
@run_dir_argument
def cancel(run_dir: Path) -> None:
    """Cancel every job of RUN_DIR, and no other; what is finished is kept."""
    from dfhpc.cancelling import cancel_run, cluster_of
    from dfhpc.runs import open_run

    run = open_run(run_dir)
    ids = cancel_run(run, cluster_of(run))
    click.echo("\n".join(ids) if ids else f"{run_dir} has no jobs.")


@click.command()
@run_dir_argument
@json_option
def dashboard(run_dir: Path, as_json: bool) -> None:
    """Say where the Dask dashboard of RUN_DIR is, and how to see it from afar."""
    from dfhpc.reporting.cluster_text import dashboard_text
    from dfhpc.runs import open_run
    from dfhpc.submission import find_dashboard

    found = find_dashboard(open_run(run_dir))
    click.echo(json.dumps(found, indent=1) if as_json else dashboard_text(found))
