"""One test video under all changes: its faces and scores, written with the mark."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import given_cores
from dfhpc.config import ExtractConfig
from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import VideoReadError
from dfhpc.extraction.finalize import iter_slots
from dfhpc.extraction.people import Face
from dfhpc.extraction.reading import read_again
from dfhpc.extraction.records import VideoRecord
from dfhpc.extraction.video import Change, extract_video
from dfhpc.models.base import Scores, load_cached
from dfhpc.person_scores import deciding_person, faces_needed
from dfhpc.recipes import parse_settings
from dfhpc.robustness.kinds import (
    BASELINE,
    CRF,
    Condition,
    conditions,
    picture_change,
    usable_kinds,
)
from dfhpc.runs import RunDirectory, read_json, read_record, write_json
from dfhpc.videos.images import is_image_source
from dfhpc.videos.manifest import Video, read_manifest
from dfhpc.videos.reencoding import reencode

MARK_KEYS = ("asked", "video_id", "conditions")

BATCH_ROWS = 256
"""Faces that are scored at a time."""

MOST_FRAMES = 3000
"""Frames that are encoded again, two minutes; a longer way to the last sampled frame
takes too long."""

Extracted = tuple[VideoRecord, list[Face | None]]


def mark_path(run: RunDirectory, position: int) -> Path:
    """Return the done-mark of the video at a position of the manifest."""
    return run.robustness_dir / f"{position:06d}.json"


def read_mark(run: RunDirectory, position: int, asked: str) -> dict[str, Any] | None:
    """Return what a video came to, None unless it was asked just that."""
    path = mark_path(run, position)
    if not path.exists():
        return None
    mark = read_record(path, *MARK_KEYS)
    return mark if mark["asked"] == asked else None


def measure_video(
    run_dir: Path, position: int, names: Sequence[str], asked: str
) -> None:
    """Extract and score a video under every change, and write its mark.

    Safe to repeat: the same bytes are written.
    """
    run = RunDirectory(run_dir)
    settings = parse_settings(read_json(run.config_path), str(run.config_path))
    video = read_manifest(run.manifest_path)[position]
    records, faces = {}, {}
    for key, (record, found) in _extracted(video, settings.extract):
        records[key], faces[key] = record.to_json(), found
    frames_per_video = settings.extract.frames_per_video
    rows = [face for found in faces.values() for face in found if face is not None]
    scores = {name: iter(_score(run, name, rows).tolist()) for name in names}
    mark = {
        "asked": asked,
        "video_id": video.video_id,
        "conditions": {
            key: _outcome(record, frames_per_video, scores)
            for key, record in records.items()
        },
    }
    write_json(mark_path(run, position), mark)


def _extracted(video: Video, extract: ExtractConfig) -> Iterator[tuple[str, Extracted]]:
    """Yield the video as it is, then under each change: key, record and faces."""
    whole, _ = found = _extract(video, extract, None)
    yield BASELINE, found
    again = []
    for condition in conditions(usable_kinds()):
        if condition.kind.name == CRF:
            again.append(condition)
            continue
        change = picture_change(condition, video.video_id)
        yield condition.key, _extract(video, extract, change)
    yield from _extracted_again(video, extract, whole, again)


def _extract(video: Video, extract: ExtractConfig, change: Change | None) -> Extracted:
    # Without a job there is a worker for each core.
    threads = given_cores() or 1
    return extract_video(
        video.video_id,
        Path(video.path),
        extract,
        video.image_names,
        threads=threads,
        change=change,
    )


def _extracted_again(
    video: Video,
    extract: ExtractConfig,
    whole: VideoRecord,
    wanted: Sequence[Condition],
) -> Iterator[tuple[str, Extracted]]:
    """Yield the video as it was encoded again, at each CRF."""
    sampled = [f.frame_index for f in whole.frames if f.status != "unreadable"]
    try:
        with _encoded(video, extract, sampled, wanted) as paths:
            for condition in wanted:
                change = _replacing(paths[int(condition.level)], sampled, extract)
                yield condition.key, _extract(video, extract, change)
    except VideoReadError as error:
        record = VideoRecord(video.video_id, "error", error.reason, str(error))
        for condition in wanted:
            yield condition.key, (record, [])


@contextmanager
def _encoded(
    video: Video,
    extract: ExtractConfig,
    sampled: Sequence[int],
    wanted: Sequence[Condition],
) -> Iterator[dict[int, Path]]:
    """Encode a video again up to its last sampled frame; yield the files by CRF.

    The decoder's own process reads the file: one that is made to break decoders breaks
    nothing here.

    Raises
    ------
    VideoReadError
        When it lies as images, has no readable frame, or is too long.
    """
    path = Path(video.path)
    count = 1 + max(sampled, default=-1)
    if is_image_source(path, video.image_names):
        raise VideoReadError("images", f"{path} lies as images, not as a video.")
    if not count:
        raise VideoReadError("undecodable", f"{path} has no frame that can be read.")
    if count > MOST_FRAMES:
        raise VideoReadError(
            "too_long",
            f"The last sampled frame of {path} is number {count}; at most "
            f"{MOST_FRAMES} are encoded again.",
        )
    with tempfile.TemporaryDirectory(prefix="dfhpc-") as folder:
        paths = {int(c.level): Path(folder, f"{c.key}.mp4") for c in wanted}
        stream = read_again(path, (), lambda times: list(range(count)), extract)
        reencode(
            _whole_frames(frame.pixels for frame in stream), paths, stream.facts.fps
        )
        yield paths


def _whole_frames(
    frames: Iterator[NDArray[np.uint8] | None],
) -> Iterator[NDArray[np.uint8]]:
    """Yield the pixels of frames; those of the last readable one for others.

    Frames keep their numbers so. Unreadable ones at the start are those of the first
    that is not, as players show them.
    """
    last, waiting = None, 0
    for pixels in frames:
        if pixels is None and last is None:
            waiting += 1
            continue
        last = pixels if pixels is not None else last
        assert last is not None
        yield from [last] * (waiting + 1)
        waiting = 0


def _replacing(path: Path, sampled: Sequence[int], extract: ExtractConfig) -> Change:
    """Return what puts a file's frames in the place of those of the same numbers."""
    stream = read_again(path, (), lambda times: list(sampled), extract)
    found = {frame.index: frame.pixels for frame in stream}

    def change(index: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        other = found.get(index)
        if other is None:
            raise VideoReadError("undecodable", f"Frame {index} was not encoded again.")
        height, width = pixels.shape[:2]
        return np.ascontiguousarray(other[:height, :width])

    return change


def _score(run: RunDirectory, name: str, faces: Sequence[Face]) -> Scores:
    model = load_cached(run, name)
    parts = [
        model.score(np.stack([face.reshape(ROW_LENGTH) for face in batch]))
        for start in range(0, len(faces), BATCH_ROWS)
        if (batch := faces[start : start + BATCH_ROWS])
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _outcome(
    record: dict[str, Any], frames_per_video: int, scores: dict[str, Iterator[float]]
) -> dict[str, Any]:
    """Return what became of a video, taking the next scores for its faces."""
    frames = [frame for frame in record["frames"] if frame["status"] != "unreadable"]
    people = [
        seen["slot_group"]
        for _, _, seen in iter_slots(record["frames"], frames_per_video)
        if seen is not None
    ]
    needed = faces_needed(frames_per_video)
    return {
        "status": record["status"],
        "reason": record["reason"],
        "frames": len(frames),
        "faces": sum(frame["status"] == "ok" for frame in frames),
        "scores": {
            name: _video_score(people, [next(values) for _ in people], needed)
            for name, values in scores.items()
        },
    }


def _video_score(
    people: Sequence[int], scores: Sequence[float], needed: int
) -> float | None:
    """Return the score of the person who decides, as in the evaluation."""
    if not people:
        return None
    groups: dict[int, list[float]] = {}
    for person, score in zip(people, scores, strict=True):
        groups.setdefault(person, []).append(score)
    counts = [len(own) for own in groups.values()]
    means = [sum(own) / len(own) for own in groups.values()]
    return means[deciding_person(counts, means, needed)]
