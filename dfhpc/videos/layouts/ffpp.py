"""FaceForensics++ (Roessler et al. 2019), and DeepFakeDetection within it.

``original_sequences/{youtube,actors}/COMPRESSION/videos/T.mp4`` and
``manipulated_sequences/METHOD/COMPRESSION/videos/T_S.mp4``, where T is the target
sequence and S the source whose face or expression was put in.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from dfhpc.config import DataConfig
from dfhpc.constants import LABEL_FAKE, LABEL_REAL
from dfhpc.errors import DataLayoutError
from dfhpc.videos.groups import component_ids
from dfhpc.videos.layouts.walk import file_bytes, walk_videos
from dfhpc.videos.manifest import Video

ORIGINALS = ("youtube", "actors")
METHODS = (
    "Deepfakes",
    "Face2Face",
    "FaceSwap",
    "NeuralTextures",
    "FaceShifter",
    "DeepFakeDetection",
)
_PATTERN = re.compile(
    r"(?:^|/)(original|manipulated)_sequences/([^/]+)/(raw|c0|c23|c40)/videos/[^/]+$"
)
_YOUTUBE_ID_LENGTH = 11


@dataclass(frozen=True)
class _Clip:
    video_id: str
    path: Path
    is_fake: bool
    method: str
    compression: str

    @property
    def sequences(self) -> tuple[str, ...]:
        """The sequences or actors of the clip: target, then source if it has one.

        Names of DeepFakeDetection bear the scene after two underscores.
        """
        prefix = "actor-" if self.method in ("actors", "DeepFakeDetection") else ""
        people = PurePosixPath(self.video_id).stem.split("__")[0].split("_")
        return tuple(prefix + person for person in people)


def matches(root: Path) -> bool:
    """Whether ``root`` has the two folders of this data set."""
    return any(
        (root / f"{half}_sequences").is_dir() for half in ("original", "manipulated")
    )


def read(root: Path, data: DataConfig) -> list[Video]:
    """Return the videos below ``root`` with their identity components.

    Raises
    ------
    DataLayoutError
        For an unknown method, or an unreadable conversion_dict.json.
    """
    unknown = sorted(set(data.methods or ()) - set(METHODS))
    if unknown:
        raise DataLayoutError(
            f"data.methods: {', '.join(unknown)} is no method of FaceForensics++; "
            f"known are {', '.join(METHODS)}."
        )
    clips = list(_clips(root))
    # Groups come from every clip on the disk, so that no filter changes them.
    edges = [pair for clip in clips for pair in pairwise(clip.sequences)]
    edges += _same_upload(_conversion_dict(root, data))
    nodes = {name for clip in clips for name in clip.sequences}
    groups = component_ids(sorted(nodes), edges)
    return [
        Video(
            video_id=clip.video_id,
            path=str(clip.path.absolute()),
            label=LABEL_FAKE if clip.is_fake else LABEL_REAL,
            group_id=f"ffpp-{groups[clip.sequences[0]]}",
            method=clip.method,
            bytes=file_bytes(clip.path),
        )
        for clip in clips
        if _wanted(clip, data)
    ]


def _clips(root: Path) -> Iterable[_Clip]:
    for video_id, path in walk_videos(root):
        match = _PATTERN.search(video_id)
        if match is None:
            continue
        half, method, compression = match.groups()
        known = METHODS if half == "manipulated" else ORIGINALS
        if method not in known:
            raise DataLayoutError(
                f"{path}: {half}_sequences/{method} is no part of FaceForensics++; "
                f"known are {', '.join(known)}."
            )
        yield _Clip(video_id, path, half == "manipulated", method, compression)


def _wanted(clip: _Clip, data: DataConfig) -> bool:
    if data.compression and _spelled(clip.compression) != _spelled(data.compression):
        return False
    return not (clip.is_fake and data.methods and clip.method not in data.methods)


def _spelled(compression: str) -> str:
    """Return one name for the uncompressed videos, which have two."""
    return "raw" if compression == "c0" else compression


def _conversion_dict(root: Path, data: DataConfig) -> dict[str, str]:
    path = data.conversion_dict or root / "conversion_dict.json"
    if data.conversion_dict is None and not path.is_file():
        return {}
    try:
        uploads = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): str(value) for key, value in uploads.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataLayoutError(
            f"{path} is not the conversion_dict.json of FaceForensics++: {error}."
        ) from error


def _same_upload(uploads: dict[str, str]) -> list[tuple[str, str]]:
    """Return pairs of sequences cut from one YouTube upload.

    The dictionary maps a sequence to an 11-letter YouTube id and a number.
    """
    sequences = defaultdict(list)
    for sequence, upload in uploads.items():
        sequences[upload[:_YOUTUBE_ID_LENGTH]].append(sequence)
    return [pair for cut in sequences.values() for pair in pairwise(sorted(cut))]


def sequence_ids(video: Video) -> tuple[str, ...]:
    """Return target and, for a fake, source of a video by its name.

    >>> sequence_ids(Video("a/b/035_036.mp4", "", 1, "g"))
    ('035', '036')
    """
    return tuple(PurePosixPath(video.video_id).stem.split("__")[0].split("_"))
