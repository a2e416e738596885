"""Verdicts on invented videos, as ``dfhpc predict`` gives them, and their faces."""

from dataclasses import dataclass

import numpy as np

RATES = {
    "calibration": {
        **{
            "fpr": 0.05,
            "fpr_95": [0.01, 0.17],
            "tnr": 0.9,
            "fnr": 0.05,
            "tpr": 0.9,
            "tpr_95": [0.8, 0.96],
        },
        **{"real": 40, "fake": 60},
    },
    "test": {
        **{
            "fpr": 0.08,
            "fpr_95": [0.02, 0.21],
            "tnr": 0.8,
            "fnr": 0.1,
            "tpr": 0.85,
            "tpr_95": [0.74, 0.92],
        },
        **{"real": 38, "fake": 66},
    },
}

REASONS = {
    "too_few_faces": "Too few usable faces: 2, and a verdict needs 3.",
    "undecided_score": "The probability of a fake is 0.55; between 0.45 and 0.70 too "
    "many videos would be called wrong.",
    "no_face": "No face was found in 4 frames.",
    "not_a_video": "moov atom not found",
}


@dataclass(frozen=True)
class Crop:
    frame_index: int
    time_s: float
    track: int
    slot_group: int
    face: np.ndarray


def make_verdict(
    status="fake", *, people=1, leaky=False, calibrated=True, models=("svm",), **changes
):
    """Return a verdict of that status on four frames, one of them without a face."""
    judged = status in ("fake", "real", "inconclusive")
    mean = {"fake": 0.9, "real": 0.1}.get(status, 0.55)
    codes = {
        "inconclusive": ["undecided_score"],
        "not_applicable": ["no_face"],
        "error": ["not_a_video"],
    }.get(status, [])
    reasons = [{"code": code, "sentence": REASONS[code]} for code in codes]
    frames = [] if status == "error" else _frames(judged and people, mean)
    calibrated = calibrated and not leaky
    probability = (
        {"value": mean, "interval_95": [max(0, mean - 0.2), min(1, mean + 0.07)]}
        if calibrated and judged
        else None
    )
    said = {
        **{"status": status, "reasons": reasons},
        **{"score": mean if judged else None, "probability": probability},
    }
    verdict = {
        "schema_version": 1,
        "path": "clips/a.mp4",
        **said,
        "decision": _decision(calibrated),
        "frames_scored": 3 if judged else 0,
        "people_not_scored": 0,
        "people": [_person(at, people, said) for at in range(people if judged else 0)],
        "frames": frames,
        "models": [
            _model(name, at == 0, said, frames, leaky=leaky)
            for at, name in enumerate(models)
        ],
        "input": {
            **{"sha256": "ab" * 32, "bytes": 1_234_567, "container": "mov,mp4"},
            **{"codec": "h264", "width": 640, "height": 360, "fps": 25.0},
            **{"num_frames": 100, "duration_s": 4.0, "frames_asked": 4},
            **{"frames_used": 3, "num_damaged_packets": 2, "num_corrupt_frames": 1},
            **{"rotation": 90, "is_truncated": False, "pixel_format": "yuv420p"},
            **{"is_cut": False, "bit_depth": 8, "has_alpha": False},
            **{"sample_aspect_ratio": "1:1", "is_interlaced": False},
            **{"outcome": "partial", "outcome_reason": "no_face"},
        },
        "versions": {"dfhpc": "0.1.0", "numpy": "2.4.6"},
    }
    return verdict | changes


def make_crops(verdict):
    """Return the scored faces of a verdict, each with a pattern of its own."""
    rng = np.random.default_rng(0)
    crops = []
    for frame in verdict["frames"]:
        for face in _faces(frame):
            at = frame["frame_index"], frame["time_s"], face["track"]
            small = rng.integers(40, 220, (8, 8, 3), np.uint8)
            pixels = np.repeat(np.repeat(small, 40, axis=0), 40, axis=1)
            crops.append(Crop(*at, face["slot_group"], pixels))
    return sorted(crops, key=lambda crop: (crop.slot_group, crop.frame_index))


def _faces(frame):
    seen = [frame, *frame.get("others", [])] if "box" in frame else []
    return [face for face in seen if face["score"] is not None]


def _frames(people, mean):
    frames = []
    for at in range(4):
        frame = {
            **{"frame_index": 25 * at, "time_s": float(at), "status": "no_face"},
            **{"num_faces": 0, "mirrored": False, "score": None},
        }
        if people and at != 2:
            step = 0.02 * (at - 1)
            chosen, *others = (_face(n, mean + step) for n in range(people))
            frame |= chosen | {"status": "ok", "num_faces": people, "others": others}
        frames.append(frame)
    return frames


def _face(track, score):
    return {
        "box": [100 + 150 * track, 80, 96, 120],
        "landmarks": [[110.0, 100.0]] * 5,
        "confidence": 0.99,
        "track": track,
        "slot_group": track,
        "quality": {"size_px": 96, "blur": 210.4, "brightness": 101.7},
        "score": max(0.0, score - 0.1 * track),
    }


def _person(at, people, said):
    places = ["left", "right"] if people == 2 else ["left", "center", "right"]
    return {
        "track": at,
        "place": places[at] if people > 1 else "",
        "frames": 3,
        "score": max(0.0, said["score"] - 0.1 * at),
        "probability": said["probability"],
        "status": said["status"],
        "reasons": said["reasons"],
        "frame_index": 25,
        "box": [100 + 150 * at, 80, 96, 120],
        "decides": at == 0,
    }


def _decision(calibrated):
    known = {
        **{"kind": "platt", "data": "ffpp (c23; Deepfakes)", "videos": 100},
        **{"real": 40, "fake": 60, "groups": 20, "split": "group"},
    }
    return {
        "threshold": 0.6 if calibrated else 0.5,
        "band": [0.45, 0.7] if calibrated else [0.45, 0.55],
        "on": "probability" if calibrated else "score",
        "rule": "A video's score is the highest of any person in it.",
        "false_positive_rate_asked": 0.1,
        "rates": RATES if calibrated else None,
        "calibrated_on": known if calibrated else None,
        "why_not_calibrated": None if calibrated else "Only 2 videos were set aside.",
    }


def _model(name, decides, said, frames, *, leaky):
    groups = sorted(
        (face["slot_group"], frame["frame_index"], face["score"])
        for frame in frames
        for face in _faces(frame)
    )
    return {
        "name": name,
        "kind": name,
        **said,
        "decides": decides,
        "self_test": {"passed": True, "rows": 8, "largest_difference": 0.0},
        "frame_scores": [score for _, _, score in groups],
        "explanations": [],
        "card": {
            "run_dir": "runs/ffpp",
            "trained": {
                "about": "Cut <b>short</b> by hand.",
                **{"data": "ffpp", "layout": "ffpp", "compression": "c23"},
                **{"methods": ["Deepfakes"], "videos": 800, "real": 400},
                **{"fake": 400, "groups": 90, "groups_known": True},
                "faces": {"real": 2800, "fake": 2801},
            },
            "split": {"kind": "row" if leaky else "group", "seed": 42, "leaky": leaky},
            "settings": {"kind": name, "C": 1.0},
            "extract": {"frames_per_video": 4, "detector": "mtcnn"},
            "blind_spots": ["It knows the fakes of FaceForensics++ alone."],
            "versions": {"numpy": "2.4.5"},
        },
    }
