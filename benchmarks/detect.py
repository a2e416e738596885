"""Faces found by `mtcnn`, against the package whose weights it has.

The package is used as its page says, frame by frame, built once; facenet-pytorch
joins in where it is installed. Each detector has a process of its own and as many
threads, sees the same frames, and takes its turn. Rates leave out the start; memory is
the peak of the process, libraries and frame included. `fast` is what dfhpc does by
default: faces from 60 pixels on, and a frame without a confident one again from 20.

agreement: share of frames on which both find the same confident faces (confidence
0.9; overlap of boxes 0.95, confidence within 0.01, landmarks within 2 % of the box).
"""

import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.frames import make_frames
from benchmarks.measure import Attempt, alternate, measure_call
from benchmarks.report import finish, rounded, table_text
from dfhpc.errors import DfhpcError

HEIGHTS = (480, 720, 1080)
CONFIDENT = 0.9
FAST_SIZE = 60

Face = tuple[list[float], float, list[list[float]]]
"""Box as x, y, width, height; confidence; landmarks."""


def _timed(detect: Callable[[Any], list[Face]], path: str) -> dict[str, Any]:
    """Return seconds a frame, and the faces of each."""
    frames = np.load(path, mmap_mode="r")
    detect(np.array(frames[0]))
    seconds, faces = [], []
    for frame in frames:
        pixels = np.array(frame)
        started = time.perf_counter()
        found = detect(pixels)
        seconds.append(time.perf_counter() - started)
        faces.append(found)
    return {"seconds": statistics.fmean(seconds), "faces": faces}


def run_dfhpc(path: str, threads: int, min_face_size: int) -> dict[str, Any]:
    """Look for faces by dfhpc's detector."""
    from dfhpc.faces.detector import get_detector
    from dfhpc.faces.second_look import find_faces

    detector = get_detector("mtcnn", device="cpu", threads=threads)

    def detect(frame: Any) -> list[Face]:
        found, _ = find_faces(
            detector,
            frame,
            min_confidence=CONFIDENT,
            min_face_size=min_face_size,
            mirror=False,
        )
        return [
            (list(f.box), f.confidence, [list(p) for p in f.landmarks or ()])
            for f in found
        ]

    return _timed(detect, path)


def run_package(path: str, threads: int) -> dict[str, Any]:
    """Look for faces by the package mtcnn, all its arguments left alone."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from mtcnn import MTCNN

    detector = MTCNN()
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")

    def detect(frame: Any) -> list[Face]:
        return [
            (
                [int(value) for value in face["box"]],
                float(face["confidence"]),
                [[int(v) for v in face["keypoints"][name]] for name in names],
            )
            for face in detector.detect_faces(frame)
        ]

    return _timed(detect, path)


def run_facenet(path: str, threads: int) -> dict[str, Any]:
    """Look for faces by facenet-pytorch's MTCNN, which has other defaults."""
    import torch
    from facenet_pytorch import MTCNN

    torch.set_num_threads(threads)
    detector = MTCNN(keep_all=True, device="cpu")

    def detect(frame: Any) -> list[Face]:
        boxes, scores, points = detector.detect(frame, landmarks=True)
        if boxes is None:
            return []
        corners = boxes.tolist()
        return [
            ([x, y, right - x, bottom - y], float(score), marks.tolist())
            for (x, y, right, bottom), score, marks in zip(
                corners, scores, points, strict=True
            )
        ]

    return _timed(detect, path)


def overlap(a: list[float], b: list[float]) -> float:
    """Return the intersection of two boxes over their union.

    >>> overlap([0, 0, 10, 10], [0, 5, 10, 10])
    0.3333333333333333
    """
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def same_faces(found: list[Face], expected: list[Face]) -> bool:
    """Return whether the confident faces of a frame are the same."""
    found, expected = (
        [face for face in faces if face[1] >= CONFIDENT] for faces in (found, expected)
    )
    if len(found) != len(expected):
        return False
    return all(any(_same(one, other) for one in found) for other in expected)


def _same(one: Face, other: Face) -> bool:
    apart = np.abs(np.subtract(one[2], other[2])).max(initial=0)
    return (
        overlap(one[0], other[0]) >= 0.95
        and abs(one[1] - other[1]) <= 0.01
        and bool(apart <= max(1, 0.02 * min(other[0][2:])))
    )


def same_largest(found: list[Face], expected: list[Face]) -> bool:
    """Return whether the largest confident face, which is stored, is the same."""
    largest = [
        max(
            (face for face in faces if face[1] >= CONFIDENT),
            key=lambda face: face[0][2] * face[0][3],
            default=None,
        )
        for faces in (found, expected)
    ]
    if None in largest:
        return largest == [None, None]
    return overlap(largest[0][0], largest[1][0]) >= 0.95  # type: ignore[index]


def compare(path: str, height: int, threads: int, repeats: int) -> dict[str, Any]:
    """Return the ratios for frames of one height."""
    calls: dict[str, tuple[Any, ...]] = {
        "dfhpc": (run_dfhpc, path, threads, 20),
        "fast": (run_dfhpc, path, threads, FAST_SIZE),
        "package": (run_package, path, threads),
    }
    if importlib.util.find_spec("facenet_pytorch"):
        calls["facenet"] = (run_facenet, path, threads)

    def runner(call: tuple[Any, ...]) -> Callable[[], Attempt]:
        return lambda: measure_call(*call)

    found = alternate({name: runner(call) for name, call in calls.items()}, repeats)
    seconds = {
        name: statistics.median(result["seconds"] for _, result in attempts)
        for name, attempts in found.items()
    }
    memory = {
        name: statistics.median(measured.peak_process_bytes for measured, _ in attempts)
        for name, attempts in found.items()
    }
    faces = {name: attempts[0][1]["faces"] for name, attempts in found.items()}
    agree = [*map(same_faces, faces["dfhpc"], faces["package"])]
    fast = [*map(same_largest, faces["fast"], faces["package"])]
    return {
        "height": height,
        "ratio": _ratio(found, "dfhpc"),
        "fast_ratio": _ratio(found, "fast"),
        "memory_ratio": max(memory["dfhpc"], memory["fast"]) / memory["package"],
        "agreement": statistics.fmean(agree),
        "fast_agreement": statistics.fmean(fast),
        "seconds": seconds,
        "peak_bytes": memory,
    }


def _ratio(found: dict[str, list[Attempt]], name: str) -> float:
    """Return the median, over the turns, of how much faster than the package."""
    turns = zip(found["package"], found[name], strict=True)
    found_ratios = [
        float(theirs["seconds"] / ours["seconds"]) for (_, theirs), (_, ours) in turns
    ]
    return statistics.median(found_ratios)


def _row(found: dict[str, Any]) -> tuple[str | None, ...]:
    """Return a line of the table."""
    seconds, peaks = found["seconds"], found["peak_bytes"]
    return (
        str(found["height"]),
        *(rounded(seconds[name], 1, 1e-3) for name in ("package", "dfhpc", "fast")),
        rounded(found["ratio"], 1),
        rounded(found["fast_ratio"], 1),
        *(rounded(peaks[name], 0, 1e6) for name in ("package", "dfhpc")),
        rounded(found["memory_ratio"], 2),
        rounded(found["agreement"], 3),
    )


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(help=__doc__)
@click.option("--data", type=_FOLDER, help="Real clips; without, frames are painted.")
@click.option("--frames", default=12, show_default=True, type=click.IntRange(1))
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1))
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1))
@click.option("--heights", default="480,720,1080", show_default=True)
@click.option("--folder", type=_FOLDER, default="runs/benchmarks", help="Keeps frames.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(
    data: Path | None,
    frames: int,
    threads: int,
    repeats: int,
    heights: str,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    """Measure, and print medians."""
    results = []
    try:
        for height in map(int, heights.split(",")):
            path = folder.absolute() / f"frames-{height}.npy"
            make_frames(path, data, height, frames)
            results.append(compare(str(path), height, threads, repeats))
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    rows = [_row(each) for each in results]
    headers = (
        *("height", "package, ms", "dfhpc, ms", "fast, ms", "ratio", "fast ratio"),
        *("package, MB", "dfhpc, MB", "memory ratio", "agreement"),
    )
    click.echo(table_text(rows, headers))
    finish({"threads": threads, "results": results}, as_json=as_json)


if __name__ == "__main__":
    main()
