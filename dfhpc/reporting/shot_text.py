"""Captions of a frame or a face: which, how sure, how good."""

from collections.abc import Mapping
from typing import Any

Frame = Mapping[str, Any]
"""The record of a frame in a partition's mark."""


def frame_captions(video_id: str, label: str, frame: Frame) -> tuple[str, ...]:
    """Return three lines below a frame."""
    second = [label, place_text(frame)]
    second += [f"confidence {frame['confidence']:.3f}"] if _has_face(frame) else []
    third = [_status_text(frame), *_quality_parts(frame)]
    if frame.get("num_faces", 0) > 1:
        third.append(f"{frame['num_faces']} faces")
        if frame.get("track") is not None:
            third.append(f"track {frame['track']}")
    if frame.get("mirrored"):
        third.append("found mirrored")
    return video_id, _joined(second), _joined(third)


def crop_captions(video_id: str, method: str, frame: Frame) -> tuple[str, ...]:
    """Return three lines below a face; the method may be empty."""
    where = frame.get("name") or f"frame {frame['frame_index']}"
    confidence = f"{frame['confidence']:.3f}"
    return (
        video_id,
        _joined([where, confidence]),
        _joined([method, *_quality_parts(frame)]),
    )


def preview_caption(frame: Frame) -> str:
    """Return the line below a frame of the preview."""
    sure = f"confidence {frame['confidence']:.3f}" if _has_face(frame) else ""
    return _joined([place_text(frame), _status_text(frame), sure])


def place_text(frame: Frame) -> str:
    """Return which frame it is, and when."""
    if frame.get("name"):
        return str(frame["name"])
    return f"frame {frame['frame_index']} at {frame['time_s']:.2f} s"


def _has_face(frame: Frame) -> bool:
    return frame.get("confidence") is not None


def _status_text(frame: Frame) -> str:
    if frame["status"] == "ok":
        return ""
    return str(frame["status"]).replace("_", " ")


def _quality_parts(frame: Frame) -> list[str]:
    """Return size, blur and brightness where they are recorded."""
    quality = frame.get("quality") or {}
    size = quality.get("size_px")
    if size is None and frame.get("box") is not None:
        size = min(frame["box"][2:])
    parts = [] if size is None else [f"{size} px"]
    if quality.get("blur") is not None:
        parts.append(f"blur {quality['blur']:.0f}")
    if quality.get("brightness") is not None:
        parts.append(f"light {quality['brightness']:.0f}")
    return parts


def _joined(parts: list[str]) -> str:
    return " · ".join(part for part in parts if part)
