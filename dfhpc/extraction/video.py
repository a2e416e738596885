"""One video in, its faces and its record out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import ExtractConfig
from dfhpc.errors import DetectorError, VideoReadError
from dfhpc.extraction.records import (
    FrameRecord,
    FrameStatus,
    VideoRecord,
    video_outcome,
)
from dfhpc.faces.crop import crop_face
from dfhpc.faces.detector import WHOLE_FRAME, Detection, Detector, get_detector
from dfhpc.faces.second_look import look_twice
from dfhpc.faces.selection import choose_face
from dfhpc.videos.decoding import Frame
from dfhpc.videos.images import is_image_source
from dfhpc.videos.sampling import Sampler
from dfhpc.videos.sources import read_source

Face = NDArray[np.uint8]
"""RGB (320, 320, 3)."""


def extract_video(
    video_id: str, path: Path, extract: ExtractConfig, images: Sequence[str] = ()
) -> tuple[VideoRecord, list[Face | None]]:
    """Return the record of a video, and for each sampled frame its face or None.

    A video may lie as images: ``path`` is one, or the folder of ``images``, or of
    all there.

    Never raises for a bad video or a failing detector: that is recorded as status
    ``error`` with its reason, because one bad file must not stop thousands.
    """
    try:
        return _extract(video_id, path, extract, images)
    except VideoReadError as error:
        return VideoRecord(video_id, "error", error.reason, str(error)), []
    except DetectorError as error:
        return VideoRecord(video_id, "error", "detector_failed", str(error)), []


def _extract(
    video_id: str, path: Path, extract: ExtractConfig, images: Sequence[str]
) -> tuple[VideoRecord, list[Face | None]]:
    sampler = Sampler(extract)
    facts, frames = read_source(path, images, sampler.choose)
    detector = get_detector(_detector_name(path, images, extract))
    pairs = list(_frames_to_faces(frames, detector, extract))
    records = tuple(record for record, _ in pairs)
    status, reason = video_outcome(records, is_truncated=facts.is_truncated)
    record = VideoRecord(
        video_id=video_id,
        status=status,
        reason=reason,
        codec=facts.codec,
        width=facts.width,
        height=facts.height,
        num_frames=facts.num_frames,
        is_cut=sampler.has_cut,
        frames=records,
    )
    return record, [face for _, face in pairs]


def _detector_name(path: Path, images: Sequence[str], extract: ExtractConfig) -> str:
    """Return the detector; images that are crops need none, a video always does."""
    is_crop = extract.images == "crops" and is_image_source(path, images)
    return WHOLE_FRAME if is_crop else extract.detector


def _frames_to_faces(
    frames: Iterator[Frame], detector: Detector, extract: ExtractConfig
) -> Iterator[tuple[FrameRecord, Face | None]]:
    for frame in frames:
        if frame.pixels is None:
            yield _without_face(frame, "unreadable"), None
            continue
        yield _frame_to_face(frame, frame.pixels, detector, extract)


def _frame_to_face(
    frame: Frame,
    pixels: NDArray[np.uint8],
    detector: Detector,
    extract: ExtractConfig,
) -> tuple[FrameRecord, Face | None]:
    detections, mirrored = _detect(detector, pixels, extract)
    chosen = choose_face(detections, extract.min_confidence, extract.choose)
    if chosen is None:
        return _without_face(frame, "no_face"), None
    count = sum(found.confidence >= extract.min_confidence for found in detections)
    record = FrameRecord(
        frame.index, frame.time_s, "ok", count, chosen, mirrored, frame.name
    )
    return record, crop_face(pixels, chosen.box, extract.crop, extract.margin)


def _without_face(frame: Frame, status: FrameStatus) -> FrameRecord:
    return FrameRecord(frame.index, frame.time_s, status, name=frame.name)


def _detect(
    detector: Detector, pixels: NDArray[np.uint8], extract: ExtractConfig
) -> tuple[list[Detection], bool]:
    """Return the faces of a frame, and whether it took its mirror image."""
    if extract.second_look:
        return look_twice(detector, pixels, extract.min_confidence)
    return detector.detect([pixels])[0], False
