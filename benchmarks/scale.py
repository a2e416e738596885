"""What 100,000 videos cost before and beside their extraction, and what workers gain.

plan_s: from the command to the first unit of extraction that could be submitted, for
a new run. ms_per_partition: CPU time that the driver, with Dask's scheduler in it,
spends on a partition that two workers make nothing of; scheduler_rss_bytes: its
memory, at most. rerun_s: `dfhpc run` on a finished run. speedup_2: rate of extracting
real clips with two workers over that with one, while all are at work.
"""

import os
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.big import (
    finish_run,
    leave_unfinished,
    make_files,
    plan,
    rerun_command,
)
from benchmarks.dispatch import dispatch, growth_bytes
from benchmarks.measure import measure, measure_call
from benchmarks.report import finish, rounded, table_text
from benchmarks.speedup import alternate_workers, middle
from dfhpc.demo.clips import make_data_set
from dfhpc.errors import DfhpcError
from dfhpc.runs import RunDirectory
from dfhpc.stages.extract import layout_of
from dfhpc.stages.scan import load_settings
from dfhpc.videos.manifest import read_manifest

WORKERS = 2

QUIET_LOAD = 0.5
"""Above it, others are at work here, and two workers have not two cores."""


def measure_plan(data: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Return the time to the first unit of new runs, and the memory that it takes."""
    seconds, memory = [], []
    for _ in range(repeats):
        shutil.rmtree(folder / "planned", ignore_errors=True)
        arguments = (str(folder / "planned"), str(data), time.time())
        measured, found = measure_call(plan, *arguments)
        seconds.append(found)
        memory.append(measured.peak_process_bytes)
    return {
        "plan_s": statistics.median(seconds),
        "plan_rss_bytes": round(statistics.median(memory)),
    }


def measure_dispatch(num_units: int, repeats: int) -> dict[str, Any]:
    """Return what a partition costs the driver, and how its memory goes."""
    found = [measure_call(dispatch, num_units, WORKERS)[1] for _ in range(repeats)]
    growths = [growth_bytes(each["rss_bytes"]) for each in found]
    return {
        "partitions": num_units,
        "ms_per_partition": statistics.median(each["cpu_ms"] for each in found),
        "wall_ms_per_partition": statistics.median(each["wall_ms"] for each in found),
        "scheduler_rss_bytes": max(max(each["rss_bytes"]) for each in found),
        "scheduler_growth_bytes": round(statistics.median(growths)),
    }


def measure_resume(data: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Return the time to the first unit where all but one percent is done."""
    run_dir = folder / "unfinished"
    leave_unfinished(run_dir, data)
    seconds = []
    for _ in range(repeats):
        _, found = measure_call(plan, str(run_dir), str(data), time.time())
        seconds.append(found)
    return {"resume_s": statistics.median(seconds)}


def measure_rerun(data: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Return the time of `dfhpc run` where nothing is left to do."""
    run_dir = folder / "finished"
    finish_run(run_dir, data)
    found = [measure(rerun_command(run_dir)).seconds for _ in range(repeats)]
    return {"rerun_s": statistics.median(found)}


def measure_speedup(
    data: Path | None, folder: Path, repeats: int, detector: str
) -> dict[str, Any]:
    """Return what a second worker gains, and what hinders it."""
    if data is None:
        data = folder / "clips"
        make_data_set(data)
    found = alternate_workers(data, folder, repeats, detector)
    rates = {n: 1 / middle(each, "seconds_each") for n, each in found.items()}
    return {
        "speedup_2": rates[2] / rates[1],
        "speedup_2_commands": middle(found[1], "command_s")
        / middle(found[2], "command_s"),
        "clips_per_s": {str(n): rate for n, rate in rates.items()},
        "cpu_s_per_clip": {str(n): middle(e, "cpu_s_each") for n, e in found.items()},
        "cores_per_worker": {str(n): middle(e, "cores_each") for n, e in found.items()},
    }


def _num_partitions(run_dir: Path) -> int:
    run = RunDirectory(run_dir)
    videos = read_manifest(run.manifest_path)
    return layout_of(videos, load_settings(run)).num_partitions


def _lines(found: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return what the table says."""
    one, two = (found["cores_per_worker"][n] for n in ("1", "2"))
    return [
        ("plan a new run, s", rounded(found["plan_s"], 2)),
        ("memory of it, MB", rounded(found["plan_rss_bytes"], 0, 1e6)),
        ("go on with a run 99 % extracted, s", rounded(found["resume_s"], 2)),
        ("`dfhpc run` on a finished run, s", rounded(found["rerun_s"], 2)),
        (f"partitions, on {WORKERS} workers", str(found["partitions"])),
        ("CPU of driver and scheduler each, ms", rounded(found["ms_per_partition"], 2)),
        ("wall time each, ms", rounded(found["wall_ms_per_partition"], 2)),
        ("memory, MB", rounded(found["scheduler_rss_bytes"], 1, 1e6)),
        (
            "growth of it after a tenth, MB",
            rounded(found["scheduler_growth_bytes"], 1, 1e6),
        ),
        ("rate of two workers over one's", rounded(found["speedup_2"], 2)),
        (
            "the same, start of workers included",
            rounded(found["speedup_2_commands"], 2),
        ),
        ("cores a worker had, of one, of two", f"{one:.2f}, {two:.2f}"),
    ]


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(help=__doc__)
@click.option("--videos", default=100_000, show_default=True, type=click.IntRange(64))
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1))
@click.option("--folder", type=_FOLDER, default="runs/benchmarks", help="Keeps runs.")
@click.option("--data", type=_FOLDER, help="Real clips; without, some are painted.")
@click.option("--detector", type=click.Choice(["mtcnn", "haar"]), default="mtcnn")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(
    videos: int,
    repeats: int,
    folder: Path,
    data: Path | None,
    detector: str,
    *,
    as_json: bool,
) -> None:
    """Measure, and print medians."""
    load = os.getloadavg()[0]
    if load > QUIET_LOAD:
        click.echo(f"Warning: the load is {load:.1f}; others are at work here.")
    place = (folder / f"videos-{videos}").absolute()
    place.mkdir(parents=True, exist_ok=True)
    try:
        files = make_files(place / "data", videos)
        found = measure_plan(files, place, repeats)
        found |= measure_dispatch(_num_partitions(place / "planned"), repeats)
        found |= measure_resume(files, place, repeats)
        found |= measure_rerun(files, place, repeats)
        found |= measure_speedup(data, place, repeats, detector)
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    click.echo(table_text(_lines(found), (f"{videos} videos", "")))
    finish({"videos": videos, **found, "load_at_start": load}, as_json=as_json)


if __name__ == "__main__":
    main()
