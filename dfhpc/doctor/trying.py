"""Trials in processes of their own: a library may end the process that loads it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning

TRIAL_S = 240
"""From a busy file server libraries may take minutes to load."""

KNOWN_BOXES = {"mtcnn": (182, 64, 83, 107), "haar": (177, 67, 95, 95)}
"""x, y, width, height of the one face in scikit-image's picture of an astronaut."""

TOLERANCE = 6
"""Pixels by which processors and versions may differ."""


def run_trial(name: str, python: str = sys.executable) -> dict[str, Any]:
    """Return what ``python -m dfhpc.doctor.trial NAME`` prints, or its "error"."""
    command = [python, "-m", "dfhpc.doctor.trial", name]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRIAL_S,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"it was not done after {TRIAL_S} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        found: dict[str, Any] = json.loads(lines[-1])
        return found
    return {"error": _last_words(done), "printed": lines}


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        word = signal.Signals(-done.returncode).name
        hint = {
            "SIGILL": ": the processor lacks an instruction",
            "SIGKILL": ": often for lack of memory",
        }
        return f"it was killed by {word}{hint.get(word, '')}"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"it ended with status {done.returncode}"


def judge_detector(name: str, found: dict[str, Any], *, is_chosen: bool) -> Outcome:
    """Return whether a detector saw what it must see."""
    spoiled = failure if is_chosen else warning
    other = "haar" if name == "mtcnn" else "mtcnn"
    if "error" in found:
        return spoiled(
            f"{name} does not run: {found['error']}.", _detector_remedy(name, found)
        )
    versions = " ".join(f"{package} {v}" for package, v in found["versions"].items())
    if found["boxes"] is None:
        return skipped(
            f"{name} runs ({versions}), but there is no picture to try it on.",
            "pip install 'dfhpc[demo]'",
        )
    boxes: Sequence[Sequence[int]] = found["boxes"]
    known = KNOWN_BOXES[name]
    if len(boxes) == 1 and all(
        abs(a - b) <= TOLERANCE for a, b in zip(boxes[0], known, strict=True)
    ):
        return ok(f"{name} finds the one face of a known picture ({versions}).")
    return spoiled(
        f"{name} ({versions}) finds {boxes} in a picture whose one face is at "
        f"{list(known)}.",
        f"pip install --force-reinstall dfhpc, or extract.detector = {other!r}",
    )


def _detector_remedy(name: str, found: dict[str, Any]) -> str:
    if "SIGILL" in found["error"]:
        return (
            'cluster.extra_directives = ["--constraint=avx2"] (LSF: "-R '
            "'select[avx2]'\")"
        )
    if "SIGKILL" in found["error"]:
        return 'cluster.memory_limit = "4GiB", or more'
    if name == "haar":
        return "pip install 'opencv-python-headless>=4.10,<5'"
    return "pip install 'mtcnn>=1.0,<1.1' 'llvmlite>=0.45,<1'"
