"""Videos to faces: `dfhpc extract` against work B's steps, the same faces.

From the command to the last face on disk, start of processes and libraries included;
both have the whole machine. `exact` is dfhpc with faces from 20 pixels on in every
frame, as the package has it; the other is dfhpc as it is by default. faces_equal:
share of frames in which both take the same face (overlap of boxes 0.95), or none.
"""

import os
import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.detect import overlap
from benchmarks.measure import Attempt, Measured, alternate, measure, measure_call
from benchmarks.report import finish, rounded, table_text
from benchmarks.work_b_steps import extract as extract_plainly
from dfhpc.demo.clips import make_data_set
from dfhpc.errors import DfhpcError
from dfhpc.extraction.finalize import iter_video_records
from dfhpc.runs import RunDirectory
from dfhpc.stages.extract import layout_of
from dfhpc.stages.scan import load_settings
from dfhpc.videos.manifest import read_manifest

WORK_B = ("extract.choose=first", "extract.crop=plain", "extract.second_look=false")

Boxes = dict[str, list[list[int] | None]]
"""By path: the box taken from each frame, or None."""


def scan(data: Path, run_dir: Path, min_face_size: int) -> None:
    """Start a run directory, which is not measured: work B has no such thing."""
    shutil.rmtree(run_dir, ignore_errors=True)
    settings = [*WORK_B, f"extract.min_face_size={min_face_size}"]
    options = [word for setting in settings for word in ("--set", setting)]
    dfhpc = [sys.executable, "-m", "dfhpc"]
    measure([*dfhpc, "scan", str(data), "--run-dir", str(run_dir), *options])


def extract(data: Path, run_dir: Path, min_face_size: int, workers: int) -> Attempt:
    """Extract the faces by dfhpc; return what it took, and the boxes."""
    scan(data, run_dir, min_face_size)
    command = ["extract", str(run_dir), "--workers", str(workers)]
    measured = measure([sys.executable, "-m", "dfhpc", *command])
    return measured, {"boxes": _boxes(RunDirectory(run_dir.absolute()))}


def _boxes(run: RunDirectory) -> Boxes:
    videos = read_manifest(run.manifest_path)
    layout = layout_of(videos, load_settings(run))
    records = iter_video_records(run, layout.num_partitions)
    return {
        str(video.path): [frame.get("box") for frame in record["frames"]]
        for video, record in zip(videos, records, strict=True)
    }


def extract_as_work_b(paths: list[str], threads: int, folder: Path) -> Attempt:
    """Extract the faces by work B's steps."""
    out = str(folder / "work-b.npy")
    measured, boxes = measure_call(extract_plainly, paths, threads, out)
    return measured, {"boxes": dict(zip(paths, boxes, strict=True))}


def share_equal(found: Boxes, expected: Boxes) -> float:
    """Return the share of frames in which both have the same face, or none."""
    same = [
        one == other if None in (one, other) else overlap(one, other) >= 0.95  # type: ignore[arg-type]
        for path, boxes in expected.items()
        for one, other in zip(found[path], boxes, strict=True)
    ]
    return statistics.fmean(same)


def compare(data: Path, folder: Path, workers: int, repeats: int) -> dict[str, Any]:
    """Run both in turn and return the ratios."""
    scan(data, folder / "listed", 60)
    manifest = read_manifest(RunDirectory(folder.absolute() / "listed").manifest_path)
    paths = [str(video.path) for video in manifest]

    def ours(name: str, size: int) -> Callable[[], Attempt]:
        return lambda: extract(data, folder / name, size, workers)

    runs = {
        "dfhpc": ours("default", 60),
        "exact": ours("exact", 20),
        "work_b": lambda: extract_as_work_b(paths, workers, folder),
    }
    found = alternate(runs, repeats)
    expected = found["work_b"][0][1]["boxes"]
    return {
        "videos": len(paths),
        "ratio": _ratio(found, "dfhpc"),
        "faces_equal": share_equal(found["dfhpc"][0][1]["boxes"], expected),
        "exact_ratio": _ratio(found, "exact"),
        "exact_faces_equal": share_equal(found["exact"][0][1]["boxes"], expected),
        "videos_per_minute": {
            name: 60 * len(paths) / statistics.median(m.seconds for m, _ in attempts)
            for name, attempts in found.items()
        },
        "peak_process_bytes": {
            name: max(measured.peak_process_bytes for measured, _ in attempts)
            for name, attempts in found.items()
        },
    }


def _ratio(found: dict[str, list[Attempt]], name: str) -> float:
    turns = zip(found["work_b"], found[name], strict=True)
    ratios = [_seconds(theirs) / _seconds(ours) for theirs, ours in turns]
    return statistics.median(ratios)


def _seconds(attempt: Attempt) -> float:
    measured: Measured = attempt[0]
    return measured.seconds


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(help=__doc__)
@click.option("--data", type=_FOLDER, help="Real clips; without, some are painted.")
@click.option("--workers", default=os.cpu_count(), show_default=True, type=int)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1))
@click.option("--folder", type=_FOLDER, default="runs/benchmarks", help="Keeps runs.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(
    data: Path | None, workers: int, repeats: int, folder: Path, *, as_json: bool
) -> None:
    """Measure, and print medians."""
    place = (folder / "extract").absolute()
    place.mkdir(parents=True, exist_ok=True)
    try:
        if data is None:
            data = place / "clips"
            make_data_set(data)
        found = compare(data.absolute(), place, workers, repeats)
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    rates, peaks = found["videos_per_minute"], found["peak_process_bytes"]
    rows = [
        ("work B's steps", rounded(rates["work_b"], 1), "1", None, peaks["work_b"]),
        *(
            (title, rounded(rates[name], 1), rounded(ratio, 1), equal, peaks[name])
            for title, name, ratio, equal in (
                ("dfhpc", "dfhpc", found["ratio"], found["faces_equal"]),
                ("exact", "exact", found["exact_ratio"], found["exact_faces_equal"]),
            )
        ),
    ]
    lines = [
        (title, rate, ratio, rounded(equal, 3), rounded(peak, 0, 1e6))
        for title, rate, ratio, equal, peak in rows
    ]
    headers = ("", "videos a minute", "ratio", "same faces", "largest process, MB")
    click.echo(table_text(lines, headers))
    finish({"workers": workers, **found}, as_json=as_json)


if __name__ == "__main__":
    main()
