"""Scores of frames, gathered to videos, and what is measured on both."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.calibration import VideoScores
from dfhpc.metrics import bootstrap_intervals, class_report, measure
from dfhpc.person_scores import deciding_person, faces_needed
from dfhpc.store.reading import RowReader, Rows
from dfhpc.videos.manifest import Video

CSV_COLUMNS = ("video_id", "label", "frame_index", "time_s", "track")


@dataclass(frozen=True)
class ScoredFrames:
    """Rows with a face, the videos they are from, and their scores by model."""

    rows: Rows
    videos: tuple[Video, ...]
    """One a row."""
    person: NDArray[np.int64]
    """The slot group of each row in its video."""
    track: NDArray[np.int32]
    frame_index: NDArray[np.int32]
    time_s: NDArray[np.float64]
    scores: dict[str, NDArray[np.float64]]
    needed: int
    """Faces that a person's score needs to decide a video's."""

    @classmethod
    def gather(
        cls,
        reader: RowReader,
        videos: Sequence[Video],
        rows: Rows,
        scores: dict[str, NDArray[np.float64]],
    ) -> "ScoredFrames":
        """Return ``rows`` with what the store and the manifest know of them."""
        positions = reader.layout.video_of(rows)
        return cls(
            rows,
            tuple(videos[position] for position in positions),
            reader.layout.person_of(rows),
            np.asarray(reader.array("track")[rows], np.int32),
            np.asarray(reader.array("frame_index")[rows], np.int32),
            np.asarray(reader.array("time_s")[rows], np.float64),
            scores,
            faces_needed(reader.layout.frames_per_video),
        )

    @property
    def labels(self) -> NDArray[np.int8]:
        """One a row: 0 real, 1 fake."""
        return np.array([video.label for video in self.videos], np.int8)

    def only(self, video_ids: set[str]) -> "ScoredFrames":
        """Return the frames of these videos."""
        keep = np.array([v.video_id in video_ids for v in self.videos], bool)
        return self.where(keep)

    def where(self, keep: NDArray[np.bool_]) -> "ScoredFrames":
        """Return the frames where ``keep`` is true."""
        return ScoredFrames(
            self.rows[keep],
            tuple(v for v, kept in zip(self.videos, keep, strict=True) if kept),
            self.person[keep],
            self.track[keep],
            self.frame_index[keep],
            self.time_s[keep],
            {name: values[keep] for name, values in self.scores.items()},
            self.needed,
        )

    def to_csv(self) -> str:
        """Return a table with one line a frame."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*CSV_COLUMNS, *self.scores])
        for i, video in enumerate(self.videos):
            # All digits: rounding would make ties, and break others.
            scores = [float(values[i]) for values in self.scores.values()]
            frame = [self.frame_index[i], f"{self.time_s[i]:.3f}", self.track[i]]
            writer.writerow([video.video_id, video.label_name, *frame, *scores])
        return text.getvalue()


def evaluate_part(frames: ScoredFrames, name: str, seed: int) -> dict[str, Any]:
    """Return what a model is worth on some frames, by frame, video and method."""
    labels, scores = frames.labels, frames.scores[name]
    groups = [video.group_id for video in frames.videos]
    videos, video_scores = by_video(frames, scores)
    video_labels = np.array([video.label for video in videos], np.int8)
    return {
        "frame": _level(labels, scores, groups, seed),
        "video": _level(
            video_labels, video_scores, [video.group_id for video in videos], seed
        ),
        "methods": _by_method(videos, video_labels, video_scores, frames, scores),
    }


def video_scores(frames: ScoredFrames, name: str) -> VideoScores:
    """Return the videos of some frames with the score that a model gives each."""
    videos, scores = by_video(frames, frames.scores[name])
    labels = np.array([video.label for video in videos], np.int8)
    return VideoScores(labels, scores, tuple(video.group_id for video in videos))


def _level(
    labels: NDArray[np.int8], scores: NDArray[np.float64], groups: list[str], seed: int
) -> dict[str, Any]:
    return measure(labels, scores) | {
        "groups": len(set(groups)),
        "intervals_95": bootstrap_intervals(labels, scores, groups, seed),
        "report": class_report(labels, scores),
    }


def by_video(
    frames: ScoredFrames, scores: NDArray[np.float64]
) -> tuple[list[Video], NDArray[np.float64]]:
    """Return each video once, and its score: that of the person who decides."""
    ids = np.array([video.video_id for video in frames.videos], dtype=object)
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    size = 1 + max(frames.person, default=0)
    people, of_person = np.unique(inverse * size + frames.person, return_inverse=True)
    counts = np.bincount(of_person)
    means = np.bincount(of_person, scores) / counts
    edges = np.searchsorted(people // size, np.arange(len(first) + 1))
    found = []
    for start, stop in pairwise(edges.tolist()):
        own = means[start:stop].tolist()
        decides = deciding_person(counts[start:stop].tolist(), own, frames.needed)
        found.append(own[decides])
    return [frames.videos[i] for i in first], np.array(found)


def _by_method(
    videos: list[Video],
    video_labels: NDArray[np.int8],
    video_scores: NDArray[np.float64],
    frames: ScoredFrames,
    scores: NDArray[np.float64],
) -> dict[str, Any]:
    """Return metrics of each method's fakes against all reals."""
    frame_methods = np.array([video.method for video in frames.videos], dtype=object)
    video_methods = np.array([video.method for video in videos], dtype=object)
    frame_labels = frames.labels
    methods = sorted({v.method for v in videos if v.label == 1 and v.method})
    found = {}
    for method in methods:
        in_frames = (frame_labels == 0) | (frame_methods == method)
        in_videos = (video_labels == 0) | (video_methods == method)
        found[method] = {
            "frame": measure(frame_labels[in_frames], scores[in_frames]),
            "video": measure(video_labels[in_videos], video_scores[in_videos]),
        }
    return found
