"""A run directory of made-up faces that `dfhpc train` takes for an extracted one.

Laid out as work B's data: seven frames a video, a real clip of each person and a
forgery of each, people in pairs; shards of 112 rows. Partitions are units with
marks, as in extraction, so that a killed call goes on where it stopped.
"""

import concurrent.futures
import importlib.util
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.faces import Clip
from dfhpc.config import Settings
from dfhpc.constants import LABEL_FAKE, LABEL_REAL, ROW_LENGTH
from dfhpc.errors import ConfigError
from dfhpc.extraction.finalize import (
    discard,
    iter_video_records,
    unsound_partitions,
    write_row_arrays,
)
from dfhpc.extraction.records import FrameRecord, SeenFace, VideoRecord, video_outcome
from dfhpc.faces.detector import Detection, detector_versions
from dfhpc.locks import hold
from dfhpc.recipes import parse_settings
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, sync_if_there, write_json
from dfhpc.stages.extract import layout_of, summarize
from dfhpc.stages.scan import start_run
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import create_store, file_size, modest_zarr, shard_path
from dfhpc.videos.manifest import (
    Video,
    in_seeded_order,
    manifest_hash,
    write_manifest,
)

FRAMES_PER_VIDEO = 7
STRIDE = 30
FPS = 25
VIDEOS_PER_PARTITION = 16

MAKER = 1
"""Rises when the same arguments come to make other bytes."""


def make_run(
    folder: Path, num_rows: int, *, seed: int = 0, workers: int | None = None
) -> RunDirectory:
    """Return a run directory with ``num_rows`` faces, made or found at ``folder``.

    The last video gives up the frames that are too many. ``workers`` processes do
    the work, by default one a core; 0 does it in this one.

    Raises
    ------
    StoreError
        When ``folder`` holds other rows.
    ConfigError
        When scikit-image is missing, or there are fewer than 28 rows.
    """
    _check(num_rows)
    run = RunDirectory(folder.absolute())
    settings, videos = made_settings(), made_videos(num_rows, seed)
    layout = layout_of(videos, settings)
    with hold(run.lock_path):
        attributes = _attributes(videos, settings, num_rows, seed)
        group = create_store(run.store_path, layout, attributes)
        if run.extracted_path.exists():
            return run
        start_run(run, settings)
        write_manifest(run.manifest_path, videos)
        _make_missing(run, layout, (num_rows, seed), workers)
        records = iter_video_records(run, layout.num_partitions)
        write_row_arrays(run, group, layout, videos, records)
        write_json(run.extracted_path, summarize(videos, run, layout))
    return run


def _check(num_rows: int) -> None:
    if importlib.util.find_spec("skimage") is None:
        raise ConfigError(
            "Benchmarks make their faces from a picture of scikit-image; install it "
            "with `pip install 'dfhpc[demo]'`."
        )
    least = 4 * FRAMES_PER_VIDEO
    if num_rows < least:
        raise ConfigError(
            f"{num_rows} rows hold no two people, real and forged; ask for {least} "
            "or more."
        )


def made_settings() -> Settings:
    """Return the settings that made-up rows are made under."""
    extract = {
        "frames_per_video": FRAMES_PER_VIDEO,
        "stride": STRIDE,
        "videos_per_partition": VIDEOS_PER_PARTITION,
    }
    # No stage that follows reads the data: this only has to be some path.
    data = {"path": "/made-up", "layout": "ffpp"}
    return parse_settings({"data": data, "extract": extract}, "benchmarks")


def _attributes(
    videos: list[Video], settings: Settings, num_rows: int, seed: int
) -> dict[str, Any]:
    return {
        "manifest_hash": manifest_hash(videos),
        "extract": settings.extract.model_dump(mode="json"),
        "detector_versions": detector_versions(settings.extract.detector),
        "made": {"num_rows": num_rows, "seed": seed, "maker": MAKER},
    }


def made_videos(num_rows: int, seed: int) -> list[Video]:
    """Return the manifest: original and forgery of each person, people in pairs."""
    count = -(-num_rows // FRAMES_PER_VIDEO)
    videos = [_video(number // 2, forged=number % 2 == 1) for number in range(count)]
    return in_seeded_order(videos, seed)


def _video(person: int, *, forged: bool) -> Video:
    other = person ^ 1
    if forged:
        folder, name = "manipulated_sequences/Deepfakes", f"{person:04d}_{other:04d}"
    else:
        folder, name = "original_sequences/youtube", f"{person:04d}"
    video_id = f"{folder}/raw/videos/{name}.mp4"
    return Video(
        video_id,
        f"/made-up/{video_id}",
        LABEL_FAKE if forged else LABEL_REAL,
        f"ffpp-{person - person % 2:04d}",
        "Deepfakes" if forged else "youtube",
    )


def clip_of(video: Video, seed: int) -> Clip:
    """Return what a video of the manifest shows.

    >>> clip_of(_video(6, forged=True), 0)
    Clip(seed=0, target=6, source=7)
    """
    people = [int(number) for number in Path(video.video_id).stem.split("_")]
    return Clip(seed, people[0], people[1] if len(people) == 2 else None)


def _make_missing(
    run: RunDirectory, layout: StoreLayout, made: tuple[int, int], workers: int | None
) -> None:
    """Make the partitions that have no mark, a process a core."""
    missing = unsound_partitions(run, layout.num_partitions)
    for index in missing:
        discard(run, index)
    done = layout.num_partitions - len(missing)
    with progress("Making rows", layout.num_partitions, "partition", done) as advance:
        for _ in _each_made(run, missing, made, workers):
            advance(1)


def _each_made(
    run: RunDirectory, missing: list[int], made: tuple[int, int], workers: int | None
) -> Iterator[int]:
    if workers is None:
        workers = len(psutil.Process().cpu_affinity() or [0])
    if workers == 0:
        yield from (make_partition(run.path, index, *made) for index in missing)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
        futures = [
            pool.submit(make_partition, run.path, index, *made) for index in missing
        ]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()


def make_partition(run_dir: Path, index: int, num_rows: int, seed: int) -> int:
    """Make the faces of one partition, then its mark; return it. Safe to repeat."""
    import cv2

    cv2.setNumThreads(1)
    run = RunDirectory(run_dir)
    videos = made_videos(num_rows, seed)
    layout = layout_of(videos, made_settings())
    partition = layout.partition(index)
    chosen = videos[partition.first : partition.last]
    where = layout.rows(partition)
    rows = np.concatenate([clip_of(v, seed).rows(FRAMES_PER_VIDEO) for v in chosen])
    rows[max(0, num_rows - where.start) :] = 0
    write_faces(run, where, rows)
    records = [
        made_record(video, num_rows - where.start - position * FRAMES_PER_VIDEO)
        for position, video in enumerate(chosen)
    ]
    write_mark(run, index, records)
    return index


def write_faces(run: RunDirectory, where: slice, rows: NDArray[np.uint8]) -> None:
    """Write the faces of a whole partition, (rows, 307200), into the store."""
    import zarr

    group = zarr.open_group(run.store_path, mode="r+")
    with modest_zarr():
        group["faces"][where] = rows.reshape(-1, ROW_LENGTH)  # type: ignore[index]


def write_mark(run: RunDirectory, index: int, records: list[dict[str, Any]]) -> None:
    """Write the done-mark of a partition, after its faces."""
    shard = shard_path(run.store_path, index)
    sync_if_there(shard)
    mark = {"partition": index, "shard_bytes": file_size(shard), "videos": records}
    write_json(run.partition_path(index), mark)


def made_record(video: Video, num_faces: int) -> dict[str, Any]:
    """Return the record of a video whose first ``num_faces`` frames have a face."""
    frames = tuple(
        _frame(at, has_face=at < num_faces) for at in range(FRAMES_PER_VIDEO)
    )
    status, reason = video_outcome(frames, is_truncated=False)
    record = VideoRecord(
        video.video_id,
        status,
        reason,
        codec="h264",
        width=1280,
        height=720,
        num_frames=STRIDE * FRAMES_PER_VIDEO,
        frames=frames,
    )
    return record.to_json()


def _frame(at: int, *, has_face: bool) -> FrameRecord:
    index = at * STRIDE
    if not has_face:
        return FrameRecord(index, index / FPS, "no_face")
    points = ((600.0, 260.0), (680.0, 260.0), (640.0, 300.0), (605.0, 350.0))
    face = Detection((540, 160, 200, 260), 0.999, (*points, (675.0, 350.0)))
    return FrameRecord(index, index / FPS, "ok", (SeenFace(face, 0, 0),))
