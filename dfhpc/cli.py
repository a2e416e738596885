"""The command line: parse, call one stage, print; no logic."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dfhpc import __version__
from dfhpc.cli_options import (
    every_option,
    file_path,
    folder_path,
    json_option,
    run_dir_argument,
    run_dir_option,
    say,
    with_cluster,
    with_settings,
    workers_option,
)
from dfhpc.cluster_cli import cancel, dashboard, submit
from dfhpc.constants import EXIT_FAILED, EXIT_RESUMABLE
from dfhpc.doctor_cli import doctor
from dfhpc.errors import DfhpcError
from dfhpc.evaluation_cli import cross, evaluate, robustness
from dfhpc.images_cli import export, import_images, inspect
from dfhpc.predict_cli import predict
from dfhpc.report_cli import report

# Everything else is imported by the command that needs it, so that --help is quick.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dfhpc")
def cli() -> None:
    """Take a folder of videos to a verdict: which of them are deepfakes.

    Start with `dfhpc run --data DIR --run-dir runs/first`. A run that was stopped
    or killed goes on with the same command.
    """


@cli.command()
@click.argument("data", type=file_path)
@click.option("-o", "--output", type=file_path, help="Write the manifest to this file.")
@click.option("--run-dir", type=folder_path, help="Start a run with this manifest.")
@click.option("--recipe", type=file_path, help="Recipe of that run.")
@with_settings
@json_option
def scan(
    data: Path,
    output: Path | None,
    run_dir: Path | None,
    recipe: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    r"""List the videos below DATA, with label and group.

    \b
    Layouts, told apart by themselves unless --layout says:
      ffpp     original_sequences/, manipulated_sequences/ (FaceForensics++)
      dfdc     folders with a metadata.json
      celebdf  Celeb-real/, YouTube-real/, Celeb-synthesis/
      folders  real/ and fake/ at any depth
      csv      DATA is a table with a column path
    """
    from dfhpc import pipeline
    from dfhpc.reporting.tables import manifest_text

    settings = pipeline.resolve(run_dir, recipe, {"data.path": str(data)}, options)
    summary = pipeline.scan_only(settings, run_dir, output)
    _print(summary, manifest_text, as_json=as_json)


@cli.command()
@click.argument("recipe", type=file_path, required=False)
@click.option("--data", type=file_path, help="Folder of videos, or a CSV table.")
@run_dir_option
@with_settings
@with_cluster
@json_option
def run(
    recipe: Path | None,
    data: Path | None,
    run_dir: Path,
    cluster: str | None,
    workers: int | None,
    workers_in_job: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Do the stages that are not done: scan, extract, search, train, evaluate.

    RECIPE is a TOML file, as those in jobs/. Without one: 7 frames a video, MTCNN,
    a split by group, an SVM, a logistic regression, a random forest.
    """
    from dfhpc import pipeline

    keys = pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job)
    first = {"data.path": data and str(data), **keys}
    settings = pipeline.resolve(run_dir, recipe, first, options)
    directory = pipeline.start(run_dir, settings)
    report = _ignore if as_json else _print_stage
    if not pipeline.run_stages(directory, settings, pipeline.STAGES, report):
        say(f"{run_dir} is finished; nothing is left to do.")
    if as_json:
        click.echo(json.dumps(pipeline.result(directory, "evaluate"), indent=1))
    lost = pipeline.result(directory, "extract")["quarantined"]
    if lost:
        say(f"{lost} videos are quarantined: each killed its worker several times.")
    say(f"Next: dfhpc predict VIDEO --run-dir {run_dir}; dfhpc report {run_dir}")


def _add_stage_command(stage: str, text: str) -> None:
    """Add the command that does one stage of a run directory."""

    @cli.command(stage, help=text)
    @run_dir_argument
    @with_cluster
    @json_option
    def command(
        run_dir: Path,
        cluster: str | None,
        workers: int | None,
        workers_in_job: bool,
        as_json: bool,
    ) -> None:
        from dfhpc import pipeline

        keys = pipeline.on_cluster(cluster, workers, workers_in_job=workers_in_job)
        directory, settings = pipeline.reopen(run_dir, keys)
        if not pipeline.run_stages(directory, settings, (stage,), _ignore):
            say(f"{stage} is done already.")
        found = pipeline.result(directory, stage)
        _print(found, _stage_text(stage), as_json=as_json)


_add_stage_command("extract", "Extract the faces of the videos of RUN_DIR.")
_add_stage_command("search", "Try the settings in the grids of RUN_DIR's recipe.")
_add_stage_command("train", "Train the models of RUN_DIR on its faces.")


@cli.command()
@run_dir_argument
@click.option("--watch", is_flag=True, help="Go on until the run has ended.")
@every_option
@json_option
def status(run_dir: Path, watch: bool, every_s: float, as_json: bool) -> None:
    """Say how far RUN_DIR is, from its marks and its driver's notes alone.

    --watch redraws on a terminal; elsewhere it prints what has changed, with --json
    one object a line. It exits with 0 when the run is finished or at Ctrl-C, and
    with 1 when the driver has ended with an error and no other is submitted.
    Otherwise it waits for the next driver.
    """
    from dfhpc import watching
    from dfhpc.reporting.status_table import status_text
    from dfhpc.runs import open_run
    from dfhpc.status import read_status

    run = open_run(run_dir)
    if watch:
        sys.exit(watching.watch(run, every_s, click.echo, as_json=as_json))
    _print(read_status(run), status_text, as_json=as_json)


@cli.command()
@run_dir_argument
@click.option(
    "--plot", type=file_path, help="Draw memory, CPU and processes into this PNG file."
)
@json_option
def usage(run_dir: Path, plot: Path | None, as_json: bool) -> None:
    """Say what RUN_DIR used, in LSF's ten lines, and each of its batch jobs."""
    from dfhpc.reporting.usage_figure import save_usage_figure
    from dfhpc.reporting.usage_text import usage_text
    from dfhpc.runs import open_run
    from dfhpc.usage.report import read_report
    from dfhpc.usage.samples import read_samples
    from dfhpc.usage.timeline import timeline

    run = open_run(run_dir)
    samples = read_samples(run.usage_dir)
    if plot is not None:
        save_usage_figure(plot, timeline(samples))
    _print(read_report(run, samples), usage_text, as_json=as_json)


@cli.command()
@click.argument("folder", type=folder_path)
@workers_option
def demo(folder: Path, workers: int | None) -> None:
    """Make clips below FOLDER and take them to verdicts, end to end."""
    from dfhpc.demo.show import show

    show(folder, workers, click.echo)


_ADDED = (
    *(evaluate, cross, robustness, predict, report),
    *(export, import_images, inspect),
    *(submit, cancel, dashboard, doctor),
)
for added in _ADDED:
    cli.add_command(added)


def _stage_text(stage: str) -> Callable[[Any], str]:
    from dfhpc.reporting import extraction_text, search_table, tables

    return {
        "scan": tables.manifest_text,
        "extract": extraction_text.extraction_text,
        "search": search_table.search_text,
        "train": tables.training_text,
        "evaluate": tables.evaluation_text,
    }[stage]


def _print_stage(stage: str, result: Any) -> None:
    click.echo(f"\n--- {stage} ---\n\n{_stage_text(stage)(result)}")


def _ignore(stage: str, result: Any) -> None:
    """Report nothing: the command prints at its end."""


def _print(value: Any, to_text: Callable[[Any], str], *, as_json: bool) -> None:
    click.echo(json.dumps(value, indent=1) if as_json else to_text(value))


def main() -> None:
    """Run the command line; every foreseen failure is one sentence."""
    from dfhpc.cluster.blas import choose_blas
    from dfhpc.logs import set_up_logging

    choose_blas()
    set_up_logging()
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        say("Stopped; what is finished is kept. Give the same command to go on.")
        sys.exit(EXIT_RESUMABLE)
    except DfhpcError as error:
        say(f"dfhpc: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
    except OSError as error:
        what = error.strerror or str(error) or type(error).__name__
        say(f"dfhpc: {what}: {error.filename or 'no file named'}.")
        sys.exit(EXIT_FAILED)
