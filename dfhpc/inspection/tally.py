"""Everything that a report counts of the videos, in one pass over the marks."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from dfhpc.constants import LABEL_NAMES
from dfhpc.extraction.tallies import PeopleTally, QualityTally, stored_faces
from dfhpc.inspection.review import Shot
from dfhpc.videos.manifest import Video

MOST_PROBLEMS = 200
"""Videos without a face that are named one by one."""

MOST_FILES = 8
FRAME_STATUSES = ("ok", "no_face", "unreadable")
VIDEO_STATUSES = ("ok", "partial", "no_face", "error")

_COMPRESSION = re.compile(r"(?:^|/)(raw|c0|c23|c40)(?:/|$)")

Kind = tuple[str, str, str]
"""Class, method and compression; "-" where the data do not say."""


def kind_of(video: Video) -> Kind:
    """Return what kind of video it is; the path tells of the compression.

    >>> kind_of(Video("manipulated_sequences/Deepfakes/c23/videos/1_2.mp4", "", 1, "g",
    ...               "Deepfakes"))
    ('fake', 'Deepfakes', 'c23')
    """
    found = _COMPRESSION.search(video.video_id)
    return video.label_name, video.method or "-", found[1] if found else "-"


def by_class(kind: Kind) -> tuple[int, Kind]:
    """Return what sorts kinds, the real ones first."""
    return list(LABEL_NAMES.values()).index(kind[0]), kind


class RunTally:
    """Counts what became of videos and frames; memory does not grow with the run.

    But for the quality of faces, four numbers each.
    """

    def __init__(self, frames_per_video: int) -> None:
        """Count nothing yet."""
        self._frames_per_video = frames_per_video
        self._videos: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._frames: dict[Kind, Counter[str]] = defaultdict(Counter)
        self._damage: Counter[str] = Counter()
        self._files: Counter[tuple[str, str, str]] = Counter()
        self._quality, self._people = QualityTally(), PeopleTally()
        self._problems: list[dict[str, Any]] = []
        self._num_problems = 0

    def add(self, video: Video, shots: Sequence[Shot]) -> None:
        """Take what became of one video."""
        record = shots[0].video
        status, reason = record["status"], record["reason"]
        frames = [shot.frame for shot in shots if shot.frame]
        self._videos[status] += 1
        if reason:
            self._reasons[status, reason] += 1
        counts = self._frames[kind_of(video)]
        counts["videos"] += 1
        counts.update(frame["status"] for frame in frames)
        faces = stored_faces({"frames": frames}, self._frames_per_video)
        self._quality.add(video.label, faces)
        self._people.add(record, faces)
        self._add_file(record)
        if status in ("error", "no_face"):
            self._num_problems += 1
            if self._num_problems <= MOST_PROBLEMS:
                known = {name: record[name] for name in ("status", "reason", "detail")}
                problem = {"video_id": video.video_id, "label": video.label_name}
                self._problems.append(problem | known)

    def _add_file(self, record: dict[str, Any]) -> None:
        packets, frames = record["num_damaged_packets"], record["num_corrupt_frames"]
        self._damage.update(
            videos=int(bool(packets or frames)),
            packets=packets,
            frames=frames,
            cut=int(record["is_cut"]),
        )
        if record["codec"]:
            fps = (record["file"] or {}).get("fps")
            size = f"{record['width']} x {record['height']}"
            rate = f"{fps:.4g} frames/s" if fps else "-"
            self._files[record["codec"], size, rate] += 1

    def to_json(self) -> dict[str, Any]:
        """Return all counts as JSON values."""
        return {
            "videos": {status: self._videos[status] for status in VIDEO_STATUSES},
            "reasons": [
                {"status": status, "reason": reason, "videos": count}
                for (status, reason), count in sorted(self._reasons.items())
            ],
            "kinds": [
                self._kind(kind, counts)
                for kind, counts in sorted(
                    self._frames.items(), key=lambda item: by_class(item[0])
                )
            ],
            "classes": self._classes(),
            "quality": self._quality.to_json(),
            "people": self._people.to_json(),
            "damage": dict(self._damage),
            "files": self._commonest_files(),
            "num_file_kinds": len(self._files),
            "problems": self._problems,
            "num_problems": self._num_problems,
        }

    def _kind(self, kind: Kind, counts: Counter[str]) -> dict[str, Any]:
        label, method, compression = kind
        names = {"label": label, "method": method, "compression": compression}
        return names | {"videos": counts["videos"]} | _rates(counts)

    def _classes(self) -> list[dict[str, Any]]:
        of_class: dict[str, Counter[str]] = defaultdict(Counter)
        for (label, _, _), counts in self._frames.items():
            of_class[label].update(counts)
        return [
            {"label": label, "videos": of_class[label]["videos"]}
            | _rates(of_class[label])
            for label in LABEL_NAMES.values()
            if label in of_class
        ]

    def _commonest_files(self) -> list[dict[str, Any]]:
        order = sorted(self._files.items(), key=lambda item: (-item[1], item[0]))
        return [
            {"codec": codec, "size": size, "rate": rate, "videos": count}
            for (codec, size, rate), count in order[:MOST_FILES]
        ]


def _rates(counts: Counter[str]) -> dict[str, Any]:
    frames = {status: counts[status] for status in FRAME_STATUSES}
    total = sum(frames.values())
    rate = frames["ok"] / total if total else None
    return {"frames": total, **frames, "capture_rate": rate}
