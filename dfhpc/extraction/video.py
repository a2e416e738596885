"""One video in, its faces and its record out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.config import ExtractConfig
from dfhpc.errors import DetectorError, VideoReadError
from dfhpc.extraction.reading import in_file_pixels, read_video, recorded
from dfhpc.extraction.records import FrameRecord, VideoRecord, video_outcome
from dfhpc.faces.crop import crop_face
from dfhpc.faces.detector import Detection, Detector, get_detector
from dfhpc.faces.second_look import look_twice
from dfhpc.faces.selection import choose_face
from dfhpc.videos.decoder import KILLED, get_decoder
from dfhpc.videos.frames import Frame
from dfhpc.videos.sampling import Sampler

Face = NDArray[np.uint8]
"""RGB (320, 320, 3)."""


def extract_video(
    video_id: str, path: Path, extract: ExtractConfig
) -> tuple[VideoRecord, list[Face | None]]:
    """Return the record of a video, and for each sampled frame its face or None.

    Never raises for a bad video or a failing detector: that is recorded as status
    ``error`` with its reason, because one bad file must not stop thousands.
    """
    try:
        return _extract_again_if_killed(video_id, path, extract)
    except VideoReadError as error:
        return VideoRecord(video_id, "error", error.reason, str(error)), []
    except DetectorError as error:
        return VideoRecord(video_id, "error", "detector_failed", str(error)), []


def _extract_again_if_killed(
    video_id: str, path: Path, extract: ExtractConfig
) -> tuple[VideoRecord, list[Face | None]]:
    """Try a second time where something else killed the decoder.

    The memory that the system lacked may have been used by others.
    """
    try:
        return _extract(video_id, path, extract)
    except VideoReadError as error:
        if error.reason != KILLED:
            raise
    return _extract(video_id, path, extract)


def _extract(
    video_id: str, path: Path, extract: ExtractConfig
) -> tuple[VideoRecord, list[Face | None]]:
    # It loads its libraries while the detector loads its own.
    get_decoder().start()
    detector = get_detector(extract.detector)
    sampler = Sampler(extract)
    frames = read_video(path, sampler.choose, extract)
    pairs = list(_frames_to_faces(frames, detector, extract))
    records = tuple(record for record, _ in pairs)
    facts = frames.facts
    status, reason = video_outcome(records, is_truncated=facts.is_truncated)
    record = VideoRecord(
        video_id=video_id,
        status=status,
        reason=reason,
        **recorded(facts),
        is_cut=sampler.has_cut,
        frames=records,
    )
    return record, [face for _, face in pairs]


def _frames_to_faces(
    frames: Iterator[Frame], detector: Detector, extract: ExtractConfig
) -> Iterator[tuple[FrameRecord, Face | None]]:
    for frame in frames:
        if frame.pixels is None:
            yield FrameRecord(frame.index, frame.time_s, "unreadable"), None
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
        return FrameRecord(frame.index, frame.time_s, "no_face"), None
    count = sum(found.confidence >= extract.min_confidence for found in detections)
    found = in_file_pixels(chosen, frame.scale)
    record = FrameRecord(frame.index, frame.time_s, "ok", count, found, mirrored)
    return record, crop_face(pixels, chosen.box, extract.crop, extract.margin)


def _detect(
    detector: Detector, pixels: NDArray[np.uint8], extract: ExtractConfig
) -> tuple[list[Detection], bool]:
    """Return the faces of a frame, and whether it took its mirror image."""
    if extract.second_look:
        return look_twice(detector, pixels, extract.min_confidence)
    return detector.detect([pixels])[0], False
