"""What a model was trained on, and what it therefore cannot be expected to see."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from dfhpc.config import DataConfig
from dfhpc.constants import LABEL_FAKE
from dfhpc.videos.layouts import detect_layout
from dfhpc.videos.manifest import Video

FEW_GROUPS = 100
"""Below it a model may well have learned the people."""

ABOUT_NAME = "ABOUT.txt"
"""A file in the data folder; what it says is quoted wherever a model is described."""

LONGEST_ABOUT = 1000

_COMPRESSIONS = re.compile("raw|c0|c23|c40")

Facts = Mapping[str, Any]


def training_facts(data: DataConfig, videos: Sequence[Video]) -> dict[str, Any]:
    """Return what is known of the videos whose faces a model learns from."""
    fakes = [video for video in videos if video.label == LABEL_FAKE]
    groups = {video.group_id for video in videos}
    return {
        "about": _about(data),
        "data": data.path.name if data.path else "",
        "layout": _layout(data),
        "compression": _compression(data, videos),
        "methods": sorted({video.method for video in fakes if video.method}),
        "videos": len(videos),
        "real": len(videos) - len(fakes),
        "fake": len(fakes),
        "groups": len(groups),
        "groups_known": len(groups) < len(videos),
    }


def _about(data: DataConfig) -> str:
    """Return what the data folder says of itself, "" if nothing, as one line."""
    path = data.path and data.path / ABOUT_NAME
    if path is None or not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return " ".join(file.read(LONGEST_ABOUT).split())


def _layout(data: DataConfig) -> str:
    if data.layout == "auto" and data.path is not None and data.path.exists():
        return detect_layout(data.path)
    return data.layout


def _compression(data: DataConfig, videos: Sequence[Video]) -> str | None:
    """Return what the paths or the settings say of the compression, as "c23, c40"."""
    if data.compression is not None:
        return data.compression
    found = {
        part
        for video in videos
        for part in PurePath(video.path).parts
        if _COMPRESSIONS.fullmatch(part)
    }
    return ", ".join(sorted(found)) or None


def old_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the settings tell of a model whose card has no facts."""
    return {
        "about": "",
        "data": PurePath(data["path"] or "").name,
        "layout": data["layout"],
        "compression": data["compression"],
        "methods": list(data["methods"] or ()),
        "videos": None,
        "real": None,
        "fake": None,
        "groups": None,
        "groups_known": True,
    }


def blind_spots(trained: Facts, split: Facts, extract: Facts) -> list[str]:
    """Return sentences on what a model has not learned, from the facts of its card."""
    return [
        *_of_data(trained),
        *_of_people(trained, split),
        *_of_frames(extract),
    ]


def _of_data(trained: Facts) -> Iterator[str]:
    if trained["about"]:
        yield f"Of its training data is said: {trained['about']}"
    methods = trained["methods"]
    if methods:
        yield (
            f"Its training fakes were made by {_listed(methods)}; what other methods "
            "leave behind it has never seen."
        )
    else:
        yield (
            "Nothing tells which methods made its training fakes; it cannot be "
            "expected to see others."
        )
    if trained["compression"]:
        yield (
            f"Its training videos were compressed as {trained['compression']}; in "
            "videos compressed, scaled or filtered in other ways its scores mean less."
        )
    else:
        yield (
            f"All its training videos are from {trained['data'] or 'one data set'}; in "
            "videos of other cameras, compression or filters its scores mean less."
        )


def _of_people(trained: Facts, split: Facts) -> Iterator[str]:
    groups = trained["groups"]
    if split["leaky"]:
        yield (
            "LEAKY: frames of the same videos trained and tested it, so its measured "
            "scores are too good and say nothing of new videos."
        )
    if not trained["groups_known"]:
        yield (
            "Nothing tells who is in its training videos, so the same people may have "
            "trained and tested it."
        )
    elif groups is not None and groups < FEW_GROUPS:
        people = "one group" if groups == 1 else f"{groups} groups"
        yield (
            f"Its training videos show {people} of people; it may have learned these "
            "people rather than forgeries."
        )


def _of_frames(extract: Facts) -> Iterator[str]:
    if extract["faces"] == "one":
        chosen = str(extract["choose"]).replace("_", " ")
        yield (
            f"It looks at one face a frame, the {chosen} one; a forged face beside it "
            "is not judged."
        )
    yield (
        f"It looks at faces in at most {extract['frames_per_video']} single frames; "
        "what moves wrongly, sounds wrongly or is forged between them or outside a "
        "face it does not see."
    )


def _listed(words: Sequence[str]) -> str:
    """Return words as in a sentence.

    >>> _listed(["a"]), _listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
