"""Images on disk to a run directory: the settings that take them as they are."""

from pathlib import Path
from typing import Any

from dfhpc import pipeline
from dfhpc.config import Settings
from dfhpc.errors import VideoReadError
from dfhpc.recipes import load_recipe, parse_settings
from dfhpc.runs import RunDirectory
from dfhpc.store.partitions import TARGET_SHARD_ROWS
from dfhpc.videos.images import image_files, is_image_name
from dfhpc.videos.layouts import read_videos
from dfhpc.videos.manifest import Video, read_manifest


def resolve_import(
    run_dir: Path,
    recipe: Path | None,
    wanted: dict[str, Any],
    options: dict[str, Any],
) -> Settings:
    """Return the settings of a run on images; ``wanted`` holds dotted keys.

    What neither recipe nor options say fits the images: every image of a video is
    taken, up to a shard's rows, and a crop is stored whole.

    Raises
    ------
    ConfigError
        For an unknown key or a wrong value.
    DataLayoutError
        When there are no images.
    """
    keys = {"data.layout": "images", **wanted}
    if recipe is not None or not RunDirectory(run_dir).config_path.exists():
        said = load_recipe(recipe).get("extract", {}) if recipe is not None else {}
        fitting = _fitting(wanted)
        keys |= {
            key: value
            for key, value in fitting.items()
            if key.partition(".")[2] not in said
        }
    return pipeline.resolve(run_dir, recipe, keys, options)


def _fitting(wanted: dict[str, Any]) -> dict[str, Any]:
    table = {"path": wanted["data.path"], "layout": "images"}
    table["image_groups"] = wanted.get("data.image_groups") or []
    data = parse_settings({"data": table}, "the command line").data
    _, videos = read_videos(data)
    most = max(map(num_images, videos))
    crop = "plain" if wanted.get("extract.images") == "crops" else None
    return {
        "extract.policy": "spread",
        "extract.frames_per_video": min(most, TARGET_SHARD_ROWS),
        "extract.crop": crop,
    }


def num_images(video: Video) -> int:
    """Return how many images a video is made of; 0 where they cannot be listed."""
    try:
        return len(image_files(Path(video.path), video.image_names))
    except VideoReadError:
        return 0


def summarize_import(run: RunDirectory, settings: Settings) -> dict[str, Any]:
    """Return what was imported, and what is not known of it."""
    videos = read_manifest(run.manifest_path)
    counts = [num_images(video) for video in videos]
    slots = settings.extract.frames_per_video
    return {
        "images": sum(counts),
        "images_left_out": sum(max(0, count - slots) for count in counts),
        "videos": len(videos),
        "single_images": sum(is_image_name(video.path) for video in videos),
        "without_label": sum(video.label < 0 for video in videos),
        "groups_known": len({video.group_id for video in videos}) < len(videos),
        "extraction": pipeline.result(run, "extract"),
    }
