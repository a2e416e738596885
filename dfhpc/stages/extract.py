"""Extract: every video of the manifest to rows of the store, over the workers."""

import functools
import logging
from collections import Counter, defaultdict
from typing import Any

from dfhpc.cluster.lazy import LazyPool
from dfhpc.cluster.memory import PROCESS_BYTES, check_memory
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.config import ExtractConfig, Settings
from dfhpc.constants import LABEL_NAMES, ROW_LENGTH
from dfhpc.errors import IncompleteStageError
from dfhpc.extraction.finalize import (
    discard,
    iter_video_records,
    unsound_partitions,
    write_row_arrays,
)
from dfhpc.extraction.partition import read_current, run_partition
from dfhpc.extraction.people import HELD_BYTES
from dfhpc.extraction.tallies import PeopleTally, QualityTally, stored_faces
from dfhpc.faces.detector import DETECTOR_BYTES, detector_versions
from dfhpc.reporting.progress import progress
from dfhpc.runs import RunDirectory, read_json, read_record, write_json
from dfhpc.store.partitions import StoreLayout, plan_store
from dfhpc.store.schema import create_store
from dfhpc.videos.manifest import Video, manifest_hash, read_manifest

logger = logging.getLogger(__name__)

FRAME_STATUSES = ("ok", "no_face", "unreadable")
REPORT_KEYS = (
    "videos",
    "cut",
    "quarantined",
    "classes",
    "quality",
    "people",
    "without_faces",
    "partial",
)
VIDEO_STATUSES = ("ok", "partial", "no_face", "error")


def is_done(run: RunDirectory) -> bool:
    """Whether the store is finished, and there."""
    return run.extracted_path.exists() and (run.store_path / "zarr.json").exists()


def layout_of(videos: list[Video], settings: Settings) -> StoreLayout:
    """Return where the rows of a run lie."""
    return planned_layout(len(videos), settings.extract)


def planned_layout(num_videos: int, extract: ExtractConfig) -> StoreLayout:
    """Return where the rows of so many videos lie."""
    return plan_store(
        num_videos,
        extract.frames_per_video,
        extract.videos_per_partition,
        extract.people_per_video,
    )


def extract(run: RunDirectory, settings: Settings, pools: LazyPool) -> dict[str, Any]:
    """Extract the partitions that are not done, then finish the store; return counts.

    Raises
    ------
    IncompleteStageError
        When there is no manifest.
    StoppedError
        When a stop was requested meanwhile.
    """
    if is_done(run):
        return read_report(run)
    if not run.manifest_path.exists():
        raise IncompleteStageError(
            f"{run.path} has no manifest; start it with `dfhpc scan DATA --run-dir` "
            "or `dfhpc run`."
        )
    videos = read_manifest(run.manifest_path)
    layout = layout_of(videos, settings)
    group = create_store(run.store_path, layout, _attributes(videos, settings))
    _extract_missing(run, settings, pools, layout)
    records = iter_video_records(run, layout.num_partitions)
    write_row_arrays(run, group, layout, videos, records)
    report = summarize(videos, run, layout)
    write_json(run.extracted_path, report)
    return report


def read_report(run: RunDirectory) -> dict[str, Any]:
    """Return the counts of a finished extraction."""
    return read_record(run.extracted_path, *REPORT_KEYS)


def _attributes(videos: list[Video], settings: Settings) -> dict[str, Any]:
    extract = settings.extract.model_dump(mode="json")
    return {
        "manifest_hash": manifest_hash(videos),
        "extract": extract,
        "detector_versions": detector_versions(settings.extract.detector),
    }


def _extract_missing(
    run: RunDirectory, settings: Settings, pools: LazyPool, layout: StoreLayout
) -> None:
    missing = unsound_partitions(run, layout.num_partitions)
    if not missing:
        return
    pool = pools.get()
    check_memory("Extraction", _project_bytes(settings, layout), pool)
    run.partitions_dir.mkdir(parents=True, exist_ok=True)
    for index in missing:
        discard(run, index)
    deaths = _Deaths(run, settings.extract.max_deaths)
    units = (_unit(run, index, deaths) for index in missing)
    done = layout.num_partitions - len(missing)
    total = layout.num_partitions
    with progress("Extracting", total, "partition", done) as advance:
        for _ in run_units(pool, units, deaths.charge):
            advance(1)


def _project_bytes(settings: Settings, layout: StoreLayout) -> int:
    """Return a worker's peak: its detector, the shard and its compressed copy.

    And a video's faces, twice where they wait in pieces for people to be told apart.
    """
    shard = layout.rows_per_partition * ROW_LENGTH
    video = layout.slots_per_video * ROW_LENGTH
    if settings.extract.faces == "all":
        video = 2 * video + HELD_BYTES
    return PROCESS_BYTES + DETECTOR_BYTES[settings.extract.detector] + 2 * shard + video


def _unit(run: RunDirectory, index: int, deaths: "_Deaths") -> Unit:
    return Unit(
        key=f"extract-{index:06d}",
        function=run_partition,
        make_args=functools.partial(_arguments, run, index, deaths),
        has_result=False,
    )


def _index_of(unit: Unit) -> int:
    return int(unit.key.rpartition("-")[2])


def _arguments(
    run: RunDirectory, index: int, deaths: "_Deaths", attempt: str
) -> tuple[Any, ...]:
    return run.path, index, attempt, deaths.quarantined()


class _Deaths:
    """How many workers died while reading which video, kept over nights.

    Only the death of a worker that this driver has seen counts, so that killing
    the whole run puts no blame on the videos that were being read.
    """

    def __init__(self, run: RunDirectory, max_deaths: int) -> None:
        self._run = run
        self._max = max_deaths
        known = read_json(run.deaths_path) if run.deaths_path.exists() else {}
        self._counts: Counter[str] = Counter(known)

    def quarantined(self) -> tuple[str, ...]:
        """Return the videos that are not to be read again."""
        return tuple(
            sorted(name for name, count in self._counts.items() if count >= self._max)
        )

    def charge(self, unit: Unit, attempt: str) -> bool:
        """Blame the video that the lost attempt was reading; return if there is one."""
        index = _index_of(unit)
        video_id = read_current(self._run, index, attempt)
        if video_id is None:
            return False
        self._counts[video_id] += 1
        write_json(self._run.deaths_path, dict(sorted(self._counts.items())))
        logger.warning(
            "A worker died while reading %s (%d of %d times).",
            video_id,
            self._counts[video_id],
            self._max,
        )
        return True


def summarize(
    videos: list[Video], run: RunDirectory, layout: StoreLayout
) -> dict[str, Any]:
    """Return how videos and frames ended, the capture rate a class, and each error.

    Beside them how good the faces are, and how many people there are.
    """
    video_counts: Counter[str] = Counter()
    frames: dict[int, Counter[str]] = defaultdict(Counter)
    errors, partial = [], []
    num_cut = 0
    quality, people = QualityTally(), PeopleTally()
    records = iter_video_records(run, layout.num_partitions)
    for video, record in zip(videos, records, strict=True):
        video_counts[record["status"]] += 1
        num_cut += record["is_cut"]
        faces = stored_faces(record, layout.frames_per_video)
        quality.add(video.label, faces)
        people.add(record, faces)
        frames[video.label].update(frame["status"] for frame in record["frames"])
        if record["status"] in ("error", "no_face"):
            errors.append(_problem(record))
        elif record["status"] == "partial":
            partial.append(_problem(record))
    return {
        "videos": {status: video_counts[status] for status in VIDEO_STATUSES},
        "cut": num_cut,
        "quarantined": sum(e["reason"] == "quarantined" for e in errors),
        "classes": {
            LABEL_NAMES[label]: _class_counts(frames[label]) for label in sorted(frames)
        },
        "quality": quality.to_json(),
        "people": people.to_json(),
        "without_faces": errors,
        "partial": partial,
    }


def _problem(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("video_id", "status", "reason", "detail")}


def _class_counts(counts: Counter[str]) -> dict[str, Any]:
    total = counts.total()
    rate = counts["ok"] / total if total else None
    frames = {status: counts[status] for status in FRAME_STATUSES}
    return {"frames": total, **frames, "capture_rate": rate}
