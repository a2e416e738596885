"""A large data set of empty files, and runs on it that are planned, begun or finished.

Whatever dfhpc has a function for is done by that function. Only decoding is left out:
a stand-in for the function of a unit of extraction writes the faces and the mark.
"""

import contextlib
import functools
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import measure
from benchmarks.rows import made_record, write_faces, write_mark
from dfhpc import pipeline
from dfhpc.cluster.inline import InlinePool
from dfhpc.cluster.lazy import LazyPool
from dfhpc.config import Settings
from dfhpc.constants import FACE_CHANNELS, FACE_SIDE, LABEL_FAKE, ROW_LENGTH
from dfhpc.errors import StoppedError
from dfhpc.runs import RunDirectory
from dfhpc.stages import extract, scan, search, train
from dfhpc.videos.manifest import Video, read_manifest

METHOD = "Deepfakes"
COMPRESSION = "c23/videos"

OVERRIDES = ("train.models=['sgd']", "train.sgd.epochs=1", "extract.detector=haar")
"""One model, the quickest to train: what it is matters to no figure."""

VIDEOS_WITH_FACES = 64
"""So many videos give faces to the finished run; the others are seen to have none."""

SHARE_DONE = 0.99
"""Of the partitions of the unfinished run."""

KNOBS = 20
"""An invented face is so many squares high."""


def make_files(folder: Path, num_videos: int) -> Path:
    """Return ``folder`` with empty files laid out as FaceForensics++.

    A clip of each person and a forgery of it, people in pairs.
    """
    if folder.is_dir():
        return folder
    tmp = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(tmp, ignore_errors=True)
    real = tmp / "original_sequences" / "youtube" / COMPRESSION
    fake = tmp / "manipulated_sequences" / METHOD / COMPRESSION
    for path in (real, fake):
        path.mkdir(parents=True)
    for number in range(num_videos):
        person = number // 2
        if number % 2:
            (fake / f"{person:06d}_{person ^ 1:06d}.mp4").touch()
        else:
            (real / f"{person:06d}.mp4").touch()
    tmp.rename(folder)
    return folder


def begin(run_dir: Path, data: Path) -> tuple[RunDirectory, Settings]:
    """Do what `dfhpc run` does before extraction."""
    first = {"data.path": str(data), "cluster.workers": 2}
    settings = pipeline.resolve(run_dir, None, first, {"assignments": OVERRIDES})
    run = pipeline.start(run_dir, settings)
    scan.summarize(scan.scan(run, settings))
    train.plan(run, settings)
    search.plan(run, settings)
    return run, settings


class _FirstUnit(InlinePool):
    """Workers that are there at once; notes when the first unit reaches them."""

    def submit(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        self.reached_at = time.time()
        raise StoppedError(name)


def plan(run_dir: str, data: str, called_at: float) -> float:
    """Return how long after ``called_at`` the first unit could be submitted."""
    run, settings = begin(Path(run_dir), Path(data))
    pool = _FirstUnit()
    with contextlib.suppress(StoppedError):
        extract.extract(run, settings, LazyPool(lambda: contextlib.nullcontext(pool)))
    return pool.reached_at - called_at


class _MarkingPool(InlinePool):
    """Gives the units of extraction ``stand_in`` to do instead."""

    def __init__(self, stand_in: Callable[[Path, int], None], most: int) -> None:
        self._stand_in = stand_in
        self._left = most

    def submit(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        if self._left == 0:
            raise StoppedError(name)
        self._left -= 1
        run_dir, index, *_ = args
        return super().submit(name, self._stand_in, (run_dir, index))


@functools.lru_cache(maxsize=1)
def _manifest(run_dir: Path) -> tuple[Settings, list[Video]]:
    run = RunDirectory(run_dir)
    return scan.load_settings(run), read_manifest(run.manifest_path)


def _write_marks(run_dir: Path, index: int) -> None:
    """Write the mark of a partition whose every frame shows a face; no faces."""
    settings, videos = _manifest(run_dir)
    partition = extract.layout_of(videos, settings).partition(index)
    chosen = videos[partition.first : partition.last]
    count = settings.extract.frames_per_video
    write_mark(RunDirectory(run_dir), index, [made_record(v, count) for v in chosen])


def _write_partition(run_dir: Path, index: int) -> None:
    """Write faces and mark of a partition; only the first videos have faces."""
    run = RunDirectory(run_dir)
    settings, videos = _manifest(run_dir)
    layout = extract.layout_of(videos, settings)
    partition = layout.partition(index)
    chosen = videos[partition.first : partition.last]
    with_face = partition.first < VIDEOS_WITH_FACES
    if with_face:
        faces = [_faces(video, layout.frames_per_video) for video in chosen]
        write_faces(run, layout.rows(partition), np.concatenate(faces))
    count = layout.frames_per_video if with_face else 0
    write_mark(run, index, [made_record(video, count) for video in chosen])


def _faces(video: Video, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return squares of random color, those of a forgery paler: (count, 307200)."""
    rng = np.random.default_rng(list(video.video_id.encode()))
    low = 60 if video.label == LABEL_FAKE else 0
    shape = (count, KNOBS, KNOBS, FACE_CHANNELS)
    squares = rng.integers(low, low + 190, shape, np.uint8)
    size = FACE_SIDE // KNOBS
    return squares.repeat(size, axis=1).repeat(size, axis=2).reshape(-1, ROW_LENGTH)


def leave_unfinished(run_dir: Path, data: Path) -> None:
    """Make a run whose extraction was stopped when nearly all of it was done."""
    run, settings = begin(run_dir, data)
    total = extract.layout_of(read_manifest(run.manifest_path), settings).num_partitions
    done = len(list(run.partitions_dir.glob("[0-9]*.json")))
    pool = _MarkingPool(_write_marks, max(0, int(SHARE_DONE * total) - done))
    with contextlib.suppress(StoppedError):
        extract.extract(run, settings, LazyPool(lambda: contextlib.nullcontext(pool)))


def finish_run(run_dir: Path, data: Path) -> None:
    """Make a finished run: extraction as above, everything else by `dfhpc run`."""
    run, settings = begin(run_dir, data)
    pool = _MarkingPool(_write_partition, sys.maxsize)
    extract.extract(run, settings, LazyPool(lambda: contextlib.nullcontext(pool)))
    measure(rerun_command(run_dir))


def rerun_command(run_dir: Path) -> list[str]:
    """Return the command that goes on with a run, or finds that it is finished."""
    return [sys.executable, "-m", "dfhpc", "run", "--run-dir", str(run_dir)]
