"""Reading the sampled frames of videos by dfhpc against OpenCV, in seconds of CPU.

Each side reads the same frames of the same videos: dfhpc through the process that
decodes for a worker, both processes counted; the published work by reading every frame
to the end; and, stronger, OpenCV grabbing all frames up to the last wanted one and
retrieving the wanted. Sides take turns at each video, in this one process; the median
of the repeats is taken for each, and frames are compared byte for byte.
"""

import functools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import finish, rounded, table_text
from dfhpc.videos.decoder import Decoder
from dfhpc.videos.sampling import stride_indices

Pictures = dict[int, NDArray[np.uint8]]
Side = Callable[[Path, Sequence[int]], Pictures]

SUFFIXES = frozenset({".mp4", ".mpg", ".avi", ".mkv", ".mov", ".webm"})


def read_all(path: Path, indices: Sequence[int]) -> Pictures:
    """Return frames as the published work did: every frame is read, to the end."""
    import cv2

    capture, found, index = cv2.VideoCapture(str(path)), {}, 0
    while True:
        is_there, frame = capture.read()
        if not is_there:
            break
        if index in indices:
            found[index] = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        index += 1
    capture.release()
    return found


def grab(path: Path, indices: Sequence[int]) -> Pictures:
    """Return frames by OpenCV at its best: grab up to the last, retrieve the wanted."""
    import cv2

    capture, found = cv2.VideoCapture(str(path)), {}
    for index in range(max(indices) + 1):
        if not capture.grab():
            break
        if index in indices:
            is_there, frame = capture.retrieve()
            if is_there:
                found[index] = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    capture.release()
    return found


def by_dfhpc(decoder: Decoder, path: Path, indices: Sequence[int]) -> Pictures:
    """Return frames as a worker of dfhpc reads them."""

    def choose(times_s: Sequence[float]) -> list[int]:
        return [index for index in indices if index < len(times_s)]

    _, frames = decoder.read(path, choose)
    return {frame.index: frame.pixels for frame in frames if frame.pixels is not None}


def match(
    path: Path, indices: Sequence[int], decoder: Decoder, repeats: int
) -> dict[str, Any]:
    """Measure all sides on one video and return its entry of the results."""
    sides: dict[str, Side] = {
        "dfhpc": functools.partial(by_dfhpc, decoder),
        "work_b": read_all,
        "grab": grab,
    }
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    wall: dict[str, list[float]] = {name: [] for name in sides}
    found: dict[str, Pictures] = {}
    for _ in range(repeats):
        for name, side in sides.items():
            used, started = _cpu_s(decoder), time.perf_counter()
            found[name] = side(path, indices)
            wall[name].append(time.perf_counter() - started)
            cpu[name].append(_cpu_s(decoder) - used)
    seconds = {name: statistics.median(values) for name, values in cpu.items()}
    return {
        "video": path.name,
        "frames": len(found["work_b"]),
        **{f"{name}_cpu_s": value for name, value in seconds.items()},
        **{f"{name}_s": statistics.median(v) for name, v in wall.items()},
        "cpu_ratio": seconds["dfhpc"] / seconds["work_b"],
        "grab_cpu_ratio": seconds["dfhpc"] / seconds["grab"],
        "bytes_equal": same(found["dfhpc"], found["work_b"])
        and same(found["dfhpc"], found["grab"]),
    }


def _cpu_s(decoder: Decoder) -> float:
    """Return the seconds of CPU of this process, all threads, and of its decoder."""
    return time.process_time() + decoder.cpu_s()


def same(ours: Pictures, others: Pictures) -> bool:
    """Whether both sides have the same frames, byte for byte.

    >>> same({0: np.zeros((2, 2, 3), np.uint8)}, {0: np.ones((2, 2, 3), np.uint8)})
    False
    """
    return ours.keys() == others.keys() and all(
        np.array_equal(pixels, others[index]) for index, pixels in ours.items()
    )


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return medians over the videos, and the worst."""
    ratios = [entry["cpu_ratio"] for entry in results]
    sides = ("dfhpc_cpu_s", "work_b_cpu_s", "grab_cpu_s")
    sums = {name: sum(entry[name] for entry in results) for name in sides}
    return {
        "cpu_ratio": statistics.median(ratios),
        "worst_cpu_ratio": max(ratios),
        "total_cpu_ratio": sums["dfhpc_cpu_s"] / sums["work_b_cpu_s"],
        "grab_cpu_ratio": statistics.median(e["grab_cpu_ratio"] for e in results),
        "bytes_equal": all(entry["bytes_equal"] for entry in results),
        "videos": len(results),
        **{name: sums[name] / len(results) for name in sides},
    }


def videos_below(folder: Path) -> list[Path]:
    """Return the videos of a folder, or the file that was named."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def results_text(results: Sequence[dict[str, Any]]) -> str:
    """Return a table with a line for each video."""
    rows = [
        (
            entry["video"],
            entry["frames"],
            *(rounded(entry[f"{s}_cpu_s"], 3) for s in ("dfhpc", "work_b", "grab")),
            rounded(entry["cpu_ratio"], 3),
            rounded(entry["grab_cpu_ratio"], 3),
            "yes" if entry["bytes_equal"] else "NO",
        )
        for entry in results
    ]
    return table_text(rows, HEADERS)


HEADERS = (
    "video",
    "frames",
    "CPU s",
    "work B\nCPU s",
    "grab\nCPU s",
    "of\nwork B",
    "of\ngrab",
    "bytes\nequal",
)


def _measured(paths: Iterable[Path], **how: Any) -> list[dict[str, Any]]:
    results = []
    for path in paths:
        results.append(match(path, **how))
        line = f"{path.name}: {results[-1]['cpu_ratio']:.3f} of work B's CPU"
        click.echo(line, err=True)
    return results


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--stride", default=30, show_default=True, help="Frames apart.")
@click.option("--frames", default=7, show_default=True, help="Frames a video.")
@click.option("--repeats", default=3, show_default=True, help="Runs; gives medians.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(data: Path, *, stride: int, frames: int, repeats: int, as_json: bool) -> None:
    """Measure every video below DATA and print what was found."""
    paths = videos_below(data)
    if not paths:
        raise click.ClickException(f"{data} holds no video.")
    decoder = Decoder()
    indices = stride_indices(stride * frames, stride, frames)
    try:
        # Its start belongs to no video: a worker starts it once.
        by_dfhpc(decoder, paths[0], indices)
        results = _measured(paths, indices=indices, decoder=decoder, repeats=repeats)
    finally:
        decoder.stop()
    click.echo(results_text(results))
    found = summary(results)
    click.echo(
        f"\nMedian: {found['cpu_ratio']:.3f} of work B's CPU, "
        f"{found['grab_cpu_ratio']:.3f} of grabbing; "
        f"bytes {'equal' if found['bytes_equal'] else 'DIFFER'}"
    )
    finish({"results": results, **found}, as_json=as_json)


if __name__ == "__main__":
    main()
