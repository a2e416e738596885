"""The demo's clips, and the whole demo as `make demo` runs it."""

import hashlib

import numpy as np
import pytest

from dfhpc.demo.clips import clip_paths, fake_frames, make_data_set, real_frames
from dfhpc.demo.faces import Person


def test_people_differ_and_are_reproducible():
    one, other = Person(1).picture(), Person(2).picture()
    assert np.abs(one - other).mean() > 5
    np.testing.assert_array_equal(one, Person(1).picture())


def test_a_fake_differs_from_its_original_in_the_face_and_nowhere_else():
    real = next(iter(real_frames(1))).astype(int)
    fake = next(iter(fake_frames(1, 2, "FaceSwap"))).astype(int)
    changed = np.abs(real - fake).max(axis=2) > 12
    assert changed[100:230, 110:210].mean() > 0.3
    assert changed[:, :40].mean() < 0.02
    assert changed[:, -40:].mean() < 0.02


def test_layout_is_that_of_faceforensics():
    paths = {path.as_posix() for path in clip_paths(4)}
    assert "original_sequences/youtube/c23/videos/003.mp4" in paths
    assert "manipulated_sequences/FaceSwap/c23/videos/002_003.mp4" in paths
    assert len(paths) == 4 + 2 * 4


def test_clips_are_made_once_and_the_same(tmp_path):
    digests = []
    for name in ("a", "b"):
        make_data_set(tmp_path / name, num_people=2, num_frames=5)
        clips = sorted((tmp_path / name).rglob("*.mp4"))
        digests.append([hashlib.sha256(c.read_bytes()).hexdigest() for c in clips])
    assert digests[0] == digests[1]
    before = [clip.stat().st_mtime_ns for clip in clips]
    make_data_set(tmp_path / "b", num_people=2, num_frames=5)
    assert [clip.stat().st_mtime_ns for clip in clips] == before


@pytest.mark.slow
def test_the_demo_ends_with_four_verdicts(tmp_path, dfhpc):
    done = dfhpc("demo", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    for words in (
        "not that these models detect deepfakes in the world",
        "84 videos (28 real, 56 fake, 0 without label) in 14 groups",
        "Resource usage summary:",
        "Where to look",
    ):
        assert words in done.stdout
    verdicts = done.stdout[done.stdout.index("--- verdicts") :]
    lines = {
        line.split("/new/")[1].split(".mp4")[0]: line.split()[0]
        for line in verdicts.splitlines()
        if "/new/" in line and ".mp4" in line and not line.startswith("  ")
    }
    assert lines["faceless"] == "not_applicable"
    assert lines["broken"] == "error"
    assert (lines["real"], lines["fake"]) == ("real", "fake")
