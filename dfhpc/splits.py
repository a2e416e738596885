"""Splits: which videos (or, to reproduce others' errors, rows) train and test."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import SplitConfig
from dfhpc.constants import LABEL_FAKE, LABEL_NAMES, LABEL_REAL
from dfhpc.errors import SplitError
from dfhpc.videos.layouts.ffpp import METHODS, ORIGINALS, sequence_ids
from dfhpc.videos.manifest import Video

PARTS = ("train", "calibration", "test")
LABELS = (LABEL_REAL, LABEL_FAKE)

Pair = tuple[float, float]
"""A figure of each class: real, fake."""

OFFICIAL_FILES = {"train": "train", "calibration": "val", "test": "test"}
"""Part and the stem of the FaceForensics++ file that lists its pairs."""

OFFICIAL_NAMES = {
    "train": "train",
    "val": "calibration",
    "valid": "calibration",
    "validation": "calibration",
    "calibration": "calibration",
    "test": "test",
}
"""What data sets call the parts in the manifest's column ``split``."""

CROSS_SPLIT_SEQUENCES = frozenset(["755", "955", "606", "640", "837", "875", "982"])
"""Sequences of FaceForensics++ in val or test whose upload is in another part too.

Found by comparing conversion_dict.json with the official split files: the YouTube
uploads of 755|756 and 954|955 lie in train and test, those of 605|606, 639|640,
837|838, 875|876 and 982|983 in train and val.
"""


@dataclass(frozen=True)
class Split:
    """The parts of a split; members are video ids, or rows under ``random_rows``."""

    kind: str
    seed: int
    train: tuple[str | int, ...]
    calibration: tuple[str | int, ...]
    test: tuple[str | int, ...]
    unused: dict[str, int] = field(default_factory=dict)
    """How many labelled videos serve in no part, by reason."""

    @property
    def is_leaky(self) -> bool:
        """Whether frames of one video may be on both sides."""
        return self.kind == "random_rows"

    def members(self, part: str) -> tuple[str | int, ...]:
        """Return the members of train, calibration or test."""
        members: tuple[str | int, ...] = getattr(self, part)
        return members

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Split":
        """Return the split that ``to_json`` wrote."""
        parts = {part: tuple(value[part]) for part in PARTS}
        return cls(value["kind"], value["seed"], **parts, unused=value["unused"])


def split_videos(videos: Sequence[Video], config: SplitConfig) -> Split:
    """Return a split of whole videos; unlabelled ones are left out.

    Raises
    ------
    SplitError
        When a class is missing, the videos form too few groups, or the official
        lists are absent.
    """
    labelled = [video for video in videos if video.label in LABELS]
    require_both(labelled, "the data")
    if config.kind == "group":
        parts = _by_group(labelled, config)
        unused: dict[str, int] = {}
    else:
        parts, unused = _official(labelled, config)
    for part in ("train", "test"):
        require_both(parts[part], f"the {part} part of split {config.kind}")
    ids = {part: tuple(video.video_id for video in parts[part]) for part in PARTS}
    return Split(config.kind, config.seed, **ids, unused=unused)


def require_both(videos: Iterable[Video], where: str) -> None:
    """Refuse videos that are not of both classes; ``where`` says which they are."""
    missing = set(LABELS) - {video.label for video in videos}
    if missing:
        names = " and no ".join(LABEL_NAMES[label] for label in sorted(missing))
        raise SplitError(
            f"There is no {names} video in {where}; a model needs both classes, in at "
            "least two groups. See `dfhpc scan` for labels and groups."
        )


def split_rows(rows: NDArray[np.int64], config: SplitConfig) -> Split:
    """Return work B's split: scikit-learn's ``train_test_split`` over rows.

    It puts frames of one video on both sides and is here to show what that does.
    """
    from sklearn.model_selection import train_test_split

    try:
        train, test = train_test_split(
            rows, test_size=config.test_share, random_state=config.seed
        )
    except ValueError as error:
        raise SplitError(f"{len(rows)} faces cannot be split: {error}") from error
    return Split(
        config.kind, config.seed, tuple(map(int, train)), (), tuple(map(int, test))
    )


def _by_group(videos: list[Video], config: SplitConfig) -> dict[str, list[Video]]:
    shares = {
        "train": 1 - config.test_share - config.calibration_share,
        "test": config.test_share,
        "calibration": config.calibration_share,
    }
    groups = defaultdict(list)
    for video in videos:
        groups[video.group_id].append(video)
    if len(groups) < 2:
        raise SplitError(
            f"All {len(videos)} labelled videos form one group, so no split keeps "
            "people apart; use more videos, or split.kind = official where the data "
            "set has one."
        )
    _refuse_class_in_one_group(groups)
    names = sorted(groups, key=lambda name: (-len(groups[name]), _key(config, name)))
    assigned = _Assignment(groups, shares).assign(names)
    parts: dict[str, list[Video]] = {part: [] for part in PARTS}
    for video in videos:
        parts[assigned[video.group_id]].append(video)
    return parts


def _refuse_class_in_one_group(groups: dict[str, list[Video]]) -> None:
    """Refuse data whose fakes, or reals, are all of people linked to each other."""
    for label in LABELS:
        holding = [
            name
            for name, videos in groups.items()
            if any(video.label == label for video in videos)
        ]
        if len(holding) == 1:
            raise SplitError(
                f"All {LABEL_NAMES[label]} videos are in one group ({holding[0]}): "
                "their people are linked by fakes, so no split keeps people apart. "
                "Use split.kind = official where the data set has one, as Celeb-DF."
            )


def _key(config: SplitConfig, name: str) -> bytes:
    text = f"{config.seed}:{name}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


class _Assignment:
    """Groups to parts, so that each class comes near its share in each part."""

    def __init__(self, groups: dict[str, list[Video]], shares: dict[str, float]):
        # Plain floats: NumPy on pairs of them is ten times as slow.
        self._counts = {
            name: _pair(
                sum(video.label == label for video in group) for label in LABELS
            )
            for name, group in groups.items()
        }
        totals = zip(*self._counts.values(), strict=True)
        self._totals = _pair(max(sum(counts), 1) for counts in totals)
        self._shares = {part: share for part, share in shares.items() if share > 0}
        self._filled = dict.fromkeys(self._shares, (0.0, 0.0))
        self._part_of: dict[str, str] = {}

    def assign(self, names: list[str]) -> dict[str, str]:
        """Return the part of each group; earlier names choose first."""
        for part in self._shares:
            for label in LABELS:
                self._ensure(part, label, names)
        for name in names:
            if name not in self._part_of:
                self._put(name, min(self._shares, key=lambda p: self._cost(name, p)))
        return self._part_of

    def _ensure(self, part: str, label: int, names: list[str]) -> None:
        """Give ``part`` a group with ``label`` while there are any left."""
        if self._filled[part][label]:
            return
        free = [
            name
            for name in names
            if name not in self._part_of and self._counts[name][label]
        ]
        if free:
            self._put(min(free, key=lambda name: self._cost(name, part)), part)

    def _put(self, name: str, part: str) -> None:
        self._part_of[name] = part
        filled, counts = self._filled[part], self._counts[name]
        self._filled[part] = (filled[0] + counts[0], filled[1] + counts[1])

    def _cost(self, name: str, part: str) -> float:
        """Return by how much the squared miss of the shares grows."""
        cost, share = 0.0, self._shares[part]
        for filled, count, total in zip(
            self._filled[part], self._counts[name], self._totals, strict=True
        ):
            before = filled / total - share
            after = before + count / total
            cost += after * after - before * before
        return cost


def _pair(values: Iterable[float]) -> Pair:
    real, fake = values
    return float(real), float(fake)


def _official(
    videos: list[Video], config: SplitConfig
) -> tuple[dict[str, list[Video]], dict[str, int]]:
    if config.files is not None:
        part_of = _official_sequences(config.files, strict=config.kind != "official")
        choose = {video: _part_by_sequence(video, part_of) for video in videos}
    else:
        if not any(video.split for video in videos):
            raise SplitError(
                "These data bring no split of their own; name the folder of "
                "FaceForensics++ split files as split.files, or use split.kind = group."
            )
        choose = {video: OFFICIAL_NAMES.get(video.split.lower()) for video in videos}
    parts: dict[str, list[Video]] = {part: [] for part in PARTS}
    unused = 0
    for video, part in choose.items():
        if part is None:
            unused += 1
        else:
            parts[part].append(video)
    return parts, {"in no official part": unused} if unused else {}


def _official_sequences(folder: Path, *, strict: bool) -> dict[str, str]:
    """Return the part of each sequence that the FaceForensics++ files list."""
    part_of: dict[str, str] = {}
    for part, stem in OFFICIAL_FILES.items():
        path = folder / f"{stem}.json"
        try:
            pairs = [
                tuple(map(str, pair)) for pair in json.loads(path.read_text("utf-8"))
            ]
        except (OSError, ValueError, TypeError) as error:
            raise SplitError(
                f"{path} is not a FaceForensics++ split file: {error}."
            ) from error
        for pair in pairs:
            if not (strict and part != "train" and CROSS_SPLIT_SEQUENCES & set(pair)):
                part_of |= dict.fromkeys(pair, part)
    return part_of


def _part_by_sequence(video: Video, part_of: dict[str, str]) -> str | None:
    """Return the part that all sequences of a video are in, or None."""
    parts = {part_of.get(sequence) for sequence in sequence_ids(video)}
    return parts.pop() if len(parts) == 1 else None


def source_ids(video: Video) -> tuple[str, ...]:
    """Return the source sequences a video shows, where its name tells.

    Only FaceForensics++ names do; for other videos, the video itself.
    """
    if video.method in METHODS or video.method in ORIGINALS:
        return sequence_ids(video)
    return (video.video_id,)
