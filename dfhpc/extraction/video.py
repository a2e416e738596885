"""One video in, its faces and its record out."""

from collections.abc import Iterator
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
from dfhpc.extraction.records import VideoRecord, video_outcome
from dfhpc.faces.detector import Detection, Detector, get_detector
from dfhpc.faces.second_look import find_faces
from dfhpc.faces.selection import choose_face
from dfhpc.videos.decoding import Frame, read_frames
from dfhpc.videos.sampling import Sampler


def extract_video(
    video_id: str, path: Path, extract: ExtractConfig
) -> tuple[VideoRecord, list[Face | None]]:
    """Return the record of a video, and its faces by row slot, None without one.

    Never raises for a bad video or a failing detector: that is recorded as status
    ``error`` with its reason, because one bad file must not stop thousands.
    """
    try:
        return _extract(video_id, path, extract)
    except VideoReadError as error:
        return VideoRecord(video_id, "error", error.reason, str(error)), []
    except DetectorError as error:
        return VideoRecord(video_id, "error", "detector_failed", str(error)), []


def _extract(
    video_id: str, path: Path, extract: ExtractConfig
) -> tuple[VideoRecord, list[Face | None]]:
    sampler = Sampler(extract)
    facts, frames = read_frames(path, sampler.choose)
    pieces = Pieces(extract, room_for_pieces(extract))
    records = frame_records(list(_look_at(frames, pieces, extract)), extract)
    if not pieces.has_all:
        pieces = cut_again(
            path, lambda choose: read_frames(path, choose)[1], records, extract
        )
    filled, faces = fill_slots(records, pieces, extract)
    status, reason = video_outcome(filled, is_truncated=facts.is_truncated)
    record = VideoRecord(
        video_id=video_id,
        status=status,
        reason=reason,
        codec=facts.codec,
        width=facts.width,
        height=facts.height,
        num_frames=facts.num_frames,
        is_cut=sampler.has_cut,
        num_people=len({seen.track for frame in filled for seen in frame.seen}),
        frames=filled,
    )
    return record, faces


def _look_at(
    frames: Iterator[Frame], pieces: Pieces, extract: ExtractConfig
) -> Iterator[Look]:
    """Yield what each frame shows; cut out the faces that may be stored."""
    detector = get_detector(extract.detector, device=extract.device)
    for number, frame in enumerate(frames):
        if frame.pixels is None:
            yield Look(frame.index, frame.time_s, "unreadable")
            continue
        look = _look(frame, frame.pixels, detector, extract)
        for at, face in enumerate(look.faces[: 1 if extract.faces == "one" else None]):
            pieces.cut(frame.pixels, face.box, (number, at))
        yield look


def _look(
    frame: Frame,
    pixels: NDArray[np.uint8],
    detector: Detector,
    extract: ExtractConfig,
) -> Look:
    detections, mirrored = _detect(detector, pixels, extract)
    chosen = choose_face(detections, extract.min_confidence, extract.choose)
    if chosen is None:
        return Look(frame.index, frame.time_s, "no_face")
    others = [
        face
        for face in detections
        if face.confidence >= extract.min_confidence and face is not chosen
    ]
    return Look(frame.index, frame.time_s, "ok", (chosen, *others), mirrored)


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
