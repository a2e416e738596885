"""What became of each frame and each video: exactly one outcome each."""

from dataclasses import dataclass, field
from typing import Any, Literal

from dfhpc.faces.detector import Detection
from dfhpc.faces.quality import FaceQuality

FrameStatus = Literal["ok", "no_face", "unreadable"]
VideoStatus = Literal["ok", "partial", "no_face", "error"]


@dataclass(frozen=True)
class SeenFace:
    """A confident face in a sampled frame, and whose it is."""

    face: Detection
    track: int
    """Whom it was followed as, numbered within its video."""
    slot_group: int | None = None
    """Which slot group of its video holds its pixels; None if none does."""
    quality: FaceQuality | None = None
    """None where its pixels are not kept."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, the detection's fields beside the others."""
        record = self.face.to_json()
        record |= {"track": self.track, "slot_group": self.slot_group}
        return record | ({"quality": self.quality.to_json()} if self.quality else {})


@dataclass(frozen=True)
class FrameRecord:
    """A sampled frame, the face that was chosen in it and the others."""

    frame_index: int
    time_s: float
    status: FrameStatus
    seen: tuple[SeenFace, ...] = ()
    """Faces at least as confident as asked for: first the chosen one, then the others
    in the order of the detector."""
    mirrored: bool = False
    """Whether only the mirror image of the frame showed a face."""
    name: str = ""
    """Of the image file, where the video lies as images."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, the chosen face's fields beside the frame's."""
        record: dict[str, Any] = {
            "frame_index": self.frame_index,
            "time_s": self.time_s,
            "status": self.status,
            "num_faces": len(self.seen),
            "mirrored": self.mirrored,
        }
        if self.name:
            record["name"] = self.name
        if not self.seen:
            return record
        chosen, *others = (face.to_json() for face in self.seen)
        return record | chosen | {"others": others}


@dataclass(frozen=True)
class VideoRecord:
    """A video, what became of it and why, and its frames."""

    video_id: str
    status: VideoStatus
    reason: str = ""
    """A code, empty for ok."""
    detail: str = ""
    """A sentence, where the code leaves something to say."""
    codec: str = ""
    width: int = 0
    height: int = 0
    num_frames: int = 0
    num_damaged_packets: int = 0
    num_corrupt_frames: int = 0
    """Of those decoded; a sampled one among them is ``unreadable``."""
    file: dict[str, Any] = field(default_factory=dict)
    """What else is known of the file, not for any model to learn from."""
    is_cut: bool = False
    """Whether more frames were asked for than ``frames_per_video`` allows."""
    num_people: int = 0
    """Tracks that its confident faces were followed as."""
    frames: tuple[FrameRecord, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "video_id": self.video_id,
            "status": self.status,
            "reason": self.reason,
            "detail": self.detail,
            "codec": self.codec,
            "width": self.width,
            "height": self.height,
            "num_frames": self.num_frames,
            "num_damaged_packets": self.num_damaged_packets,
            "num_corrupt_frames": self.num_corrupt_frames,
            "file": self.file,
            "is_cut": self.is_cut,
            "num_people": self.num_people,
            "frames": [frame.to_json() for frame in self.frames],
        }


def video_outcome(
    frames: tuple[FrameRecord, ...], *, is_truncated: bool
) -> tuple[VideoStatus, str]:
    """Return status and reason of a video that could be opened.

    ok: each sampled frame gave a face, and the file is whole; partial: some did;
    no_face: readable frames, none with a face; error: no frame readable.
    """
    counts = {status: 0 for status in ("ok", "no_face", "unreadable")}
    for frame in frames:
        counts[frame.status] += 1
    if counts["ok"] == len(frames) > 0:
        return ("partial", "truncated") if is_truncated else ("ok", "")
    if counts["ok"]:
        reasons = ["truncated"] if is_truncated else []
        reasons += [name for name in ("no_face", "unreadable") if counts[name]]
        return "partial", "+".join(reasons)
    if counts["no_face"]:
        return "no_face", "no_face"
    return "error", "undecodable"
