"""One video in, its faces and its record out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import ExtractConfig
from dfhpc.errors import DetectorError, VideoReadError
from dfhpc.extraction.people import (
    Face,
    Look,
    Pieces,
    cut_again,
    fill_slots,
    frame_records,
    room_for_pieces,
)
from dfhpc.extraction.reading import (
    in_file_pixels,
    read_again,
    read_video,
    recorded,
)
from dfhpc.extraction.records import VideoRecord, video_outcome
from dfhpc.faces.detector import WHOLE_FRAME, Detection, Detector, get_detector
from dfhpc.faces.second_look import find_faces
from dfhpc.faces.selection import choose_face
from dfhpc.videos.decoder import KILLED, get_decoder
from dfhpc.videos.frames import Frame
from dfhpc.videos.images import is_image_source
from dfhpc.videos.sampling import Sampler

Change = Callable[[int, NDArray[np.uint8]], NDArray[np.uint8]]
"""From a frame's index and its pixels to other pixels of the same shape."""


def extract_video(
    video_id: str,
    path: Path,
    extract: ExtractConfig,
    images: Sequence[str] = (),
    *,
    threads: int = 1,
    change: Change | None = None,
) -> tuple[VideoRecord, list[Face | None]]:
    """Return the record of a video, and its faces by row slot, None without one.

    A video may lie as images: ``path`` is one, or the folder of ``images``, or of
    all there. How many ``threads`` look for faces changes nothing that is found.
    ``change`` is applied to each frame before anything looks at it.

    Never raises for a bad video or a failing detector: that is recorded as status
    ``error`` with its reason, because one bad file must not stop thousands.
    """
    try:
        task = _Task(video_id, path, images, extract, threads, change)
        return _extract_again_if_killed(task)
    except VideoReadError as error:
        return VideoRecord(video_id, "error", error.reason, str(error)), []
    except DetectorError as error:
        return VideoRecord(video_id, "error", "detector_failed", str(error)), []


@dataclass(frozen=True)
class _Task:
    """A video, and how it is to be looked at."""

    video_id: str
    path: Path
    images: Sequence[str]
    extract: ExtractConfig
    threads: int
    change: Change | None

    def changed(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield frames with their pixels changed, if they are to be."""
        for frame in frames:
            if self.change is None or frame.pixels is None:
                yield frame
            else:
                yield replace(frame, pixels=self.change(frame.index, frame.pixels))

    def detector(self) -> Detector:
        """Return the detector; images that are crops need none, a video always does."""
        is_crop = self.extract.images == "crops" and self.is_images
        name = WHOLE_FRAME if is_crop else self.extract.detector
        return get_detector(name, device=self.extract.device, threads=self.threads)

    @property
    def is_images(self) -> bool:
        """Whether it lies as images."""
        return is_image_source(self.path, self.images)


def _extract_again_if_killed(task: _Task) -> tuple[VideoRecord, list[Face | None]]:
    """Try a second time where something else killed the decoder.

    The memory that the system lacked may have been used by others.
    """
    try:
        return _extract(task)
    except VideoReadError as error:
        if error.reason != KILLED:
            raise
    return _extract(task)


def _extract(task: _Task) -> tuple[VideoRecord, list[Face | None]]:
    path, images, extract = task.path, task.images, task.extract
    if not task.is_images:
        # It loads its libraries while the detector loads its own.
        get_decoder().start()
    detector = task.detector()
    sampler = Sampler(extract)
    frames = read_video(path, images, sampler.choose, extract)
    pieces = Pieces(extract, room_for_pieces(extract))
    looks = list(_look_at(task.changed(frames), detector, pieces, extract))
    records = frame_records(looks, extract)
    if not pieces.has_all:
        pieces = cut_again(
            path,
            lambda choose: task.changed(read_again(path, images, choose, extract)),
            records,
            extract,
        )
    filled, faces = fill_slots(records, pieces, extract)
    facts = frames.facts
    status, reason = video_outcome(filled, is_truncated=facts.is_truncated)
    record = VideoRecord(
        video_id=task.video_id,
        status=status,
        reason=reason,
        **recorded(facts),
        is_cut=sampler.has_cut,
        num_people=len({seen.track for frame in filled for seen in frame.seen}),
        frames=filled,
    )
    return record, faces


def _look_at(
    frames: Iterator[Frame], detector: Detector, pieces: Pieces, extract: ExtractConfig
) -> Iterator[Look]:
    """Yield what each frame shows; cut out the faces that may be stored."""
    for number, frame in enumerate(frames):
        if frame.pixels is None:
            yield Look(frame.index, frame.time_s, "unreadable", name=frame.name)
            continue
        look = _look(frame, frame.pixels, detector, extract)
        for at, face in enumerate(look.faces[: 1 if extract.faces == "one" else None]):
            pieces.cut(frame.pixels, face.box, (number, at))
        seen = tuple(in_file_pixels(face, frame.scale) for face in look.faces)
        yield replace(look, faces=seen)


def _look(
    frame: Frame,
    pixels: NDArray[np.uint8],
    detector: Detector,
    extract: ExtractConfig,
) -> Look:
    detections, mirrored = _detect(detector, pixels, extract)
    chosen = choose_face(detections, extract.min_confidence, extract.choose)
    if chosen is None:
        return Look(frame.index, frame.time_s, "no_face", name=frame.name)
    others = [
        face
        for face in detections
        if face.confidence >= extract.min_confidence and face is not chosen
    ]
    faces = (chosen, *others)
    return Look(frame.index, frame.time_s, "ok", faces, mirrored, frame.name)


def _detect(
    detector: Detector, pixels: NDArray[np.uint8], extract: ExtractConfig
) -> tuple[list[Detection], bool]:
    """Return the faces of a frame, and whether it took its mirror image."""
    return find_faces(
        detector,
        pixels,
        min_confidence=extract.min_confidence,
        min_face_size=extract.smallest_face,
        mirror=extract.second_look,
    )
