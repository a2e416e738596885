"""Inspect: contact sheets of a run, or of one video, as far as it is extracted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfhpc.constants import LABEL_NAMES
from dfhpc.errors import ConfigError, IncompleteStageError
from dfhpc.exporting.png import safe_name
from dfhpc.inspection.album import Album
from dfhpc.inspection.darkroom import Darkroom
from dfhpc.inspection.misses import LIST_NAME, miss_list
from dfhpc.inspection.review import (
    Review,
    Shot,
    find_video,
    iter_reviewed,
    read_partition_shots,
)
from dfhpc.recipes import parse_settings
from dfhpc.reporting.animation import SIZE, save_animation
from dfhpc.reporting.sheets import CROPS, FRAMES
from dfhpc.reporting.shot_text import preview_caption
from dfhpc.runs import RunDirectory, read_json
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import open_store, store_layout
from dfhpc.videos.manifest import Video, read_manifest

OVERVIEW_LIMIT = 48
"""Pictures of a kind: two sheets of frames, one of faces."""

VIDEO_LIMIT = 240
PREVIEW_FRAMES = 48
ERRORS_SHARE = 4
"""One in so many misses on a sheet, at most, is a video that cannot be read."""

LEGEND = (
    "Dashed red: the face that was taken. Thin blue: other faces. Yellow: landmarks. "
    "Bar: blue real, orange fake, gray unknown."
)
CROP_LEGEND = (
    "Straight from the store. Below: video, frame and confidence, shorter side of the "
    "box, and quality where it is recorded. Bar: blue real, orange fake, gray unknown."
)


def inspect(
    run: RunDirectory, out: Path | None, wanted: str | None, limit: int | None
) -> dict[str, Any]:
    """Write sheets of a run, or of the video ``wanted``; return what was written.

    Raises
    ------
    IncompleteStageError
        When nothing of it is extracted yet.
    ConfigError
        When there is no such video, or several.
    """
    folder = out if out is not None else run.inspection_dir
    if not run.manifest_path.exists() or not run.store_path.exists():
        raise IncompleteStageError(
            f"{run.path} has no faces yet; run `dfhpc extract {run.path}`."
        )
    videos = read_manifest(run.manifest_path)
    layout = store_layout(open_store(run.store_path))
    problems: list[str] = []
    settings = parse_settings(read_json(run.config_path), str(run.config_path))
    room = Darkroom(run, videos, settings.extract, problems.append)
    if wanted is None:
        album = Album(folder)
        note = _overview(run, layout, album, room, limit or OVERVIEW_LIMIT, problems)
    else:
        position = _position(videos, wanted)
        album = Album(folder / f"video-{safe_name(videos[position].video_id)}")
        note = _one_video(run, layout, album, room, position, limit or VIDEO_LIMIT)
    return album.close(
        {
            "run_dir": str(run.path),
            **note,
            "problems": problems,
            "videos_read_again": len(room.opened),
            "videos_not_readable_any_more": len(room.failed),
        }
    )


def _overview(
    run: RunDirectory,
    layout: StoreLayout,
    album: Album,
    room: Darkroom,
    limit: int,
    problems: list[str],
) -> dict[str, Any]:
    videos = room.videos
    review = Review(limit)
    with miss_list(album.folder) as misses:
        for shots in iter_reviewed(run, layout, problems.append):
            video = videos[shots[0].position]
            review.add(shots, video.label)
            misses.add(video, shots)
        if not review.videos:
            raise IncompleteStageError(
                f"No partition of {run.path} is finished yet; look again later."
            )
    album.add(LIST_NAME, "list", 0)
    name = run.path.name
    album.add_sheets(
        "misses",
        (f"{name}: frames without a face, and videos that cannot be read", LEGEND),
        _missed(review),
        FRAMES,
        room.frame_tiles,
    )
    album.add_sheets(
        "frames",
        (f"{name}: the least confident frame of each video, least first", LEGEND),
        review.frames.sorted(),
        FRAMES,
        room.frame_tiles,
    )
    for label in sorted(review.faces):
        word = LABEL_NAMES[label]
        album.add_sheets(
            f"crops-{word}",
            (f"{name}: faces, {word}, the least confident first", CROP_LEGEND),
            review.faces[label].sorted(),
            CROPS,
            room.crop_tiles,
        )
    return {
        "video": None,
        "videos": dict(sorted(review.videos.items())),
        "videos_not_extracted_yet": layout.num_videos - review.videos.total(),
        "misses": misses.count,
        "left_out": _left_out(review),
    }


def _missed(review: Review) -> list[Shot]:
    """Return the misses to show: some videos that cannot be read, then frames."""
    frames = review.misses.sorted()
    room_left = review.limit - len(frames)
    errors = review.errors.sorted()[: max(room_left, review.limit // ERRORS_SHARE)]
    return [*errors, *frames[: review.limit - len(errors)]]


def _left_out(review: Review) -> list[str]:
    """Return a sentence for each kind of which not all is shown."""
    seen = {
        "misses": review.num_misses + review.errors.seen,
        "frames (one a video)": review.frames.seen,
    }
    shown = {
        "misses": len(_missed(review)),
        "frames (one a video)": len(review.frames.sorted()),
    }
    for label, faces in sorted(review.faces.items()):
        kind = f"{LABEL_NAMES[label]} faces"
        seen[kind], shown[kind] = faces.seen, len(faces.sorted())
    return [
        f"{shown[kind]} of {count} {kind} are shown."
        for kind, count in seen.items()
        if shown[kind] < count
    ]


def _one_video(
    run: RunDirectory,
    layout: StoreLayout,
    album: Album,
    room: Darkroom,
    position: int,
    limit: int,
) -> dict[str, Any]:
    video = room.videos[position]
    index = layout.partition_of(position)
    if not run.partition_path(index).exists():
        raise IncompleteStageError(f"{video.video_id} is not extracted yet.")
    partition = read_partition_shots(run, layout, index)
    everything = partition[position - layout.partition(index).first]
    shots = everything[:limit]
    faces = [shot for shot in shots if shot.status == "ok" and shot.frame]
    heading = f"{video.video_id}: the frames that were taken"
    album.add_sheets("frames", (heading, LEGEND), shots, FRAMES, room.frame_tiles)
    heading = f"{video.video_id}: its faces"
    album.add_sheets("crops", (heading, CROP_LEGEND), faces, CROPS, room.crop_tiles)
    _add_preview(album, room, shots)
    cut = len(everything) - len(shots)
    return {
        "video": video.video_id,
        "outcome": everything[0].video,
        "left_out": [f"{len(shots)} of {len(everything)} frames are shown."]
        * (cut > 0),
    }


def _add_preview(album: Album, room: Darkroom, shots: Sequence[Shot]) -> None:
    step = -(-len(shots) // PREVIEW_FRAMES)
    some = shots[::step]
    pairs = [
        (picture, preview_caption(shot.frame))
        for shot, picture in zip(some, room.pictures(some, SIZE), strict=True)
        if picture is not None
    ]
    if pairs:
        name = "preview.gif"
        pictures, captions = zip(*pairs, strict=True)
        save_animation(album.folder / name, pictures, captions)
        album.add(name, "preview", len(pairs))


def _position(videos: Sequence[Video], wanted: str) -> int:
    found = find_video(videos, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(videos[at].video_id for at in found[:5])
        raise ConfigError(f"{len(found)} videos end in {wanted}: {names}; name one.")
    raise ConfigError(
        f"The run has no video {wanted}; its ids are in manifest.csv, as "
        f"{videos[0].video_id}."
    )
