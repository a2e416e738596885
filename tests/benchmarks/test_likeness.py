"""What makes rows alike, on rows where it is known."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import likeness
from benchmarks.rows import make_run


def test_correlations_tell_videos_apart():
    rng = np.random.default_rng(0)
    people = rng.integers(0, 200, (2, 1, 5000))
    noise = rng.integers(0, 20, (2, 3, 5000))
    rows = (people + noise).astype(np.uint8).reshape(6, -1)
    same, other = likeness.correlations(rows, np.repeat([0, 1], 3))
    assert same > 0.95
    assert other == pytest.approx(0, abs=0.05)


def test_noise_does_not_compress_and_one_gray_does():
    noise = np.random.default_rng(0).integers(0, 256, (4, 307_200), np.uint8)
    assert likeness.compressed_bytes(noise) > 300_000
    assert likeness.compressed_bytes(np.full_like(noise, 9)) < 10_000


def test_step_of_a_ramp():
    ramp = np.broadcast_to(np.arange(320)[None, :, None] // 2, (320, 320, 3))
    assert likeness.mean_step(ramp.astype(np.uint8).reshape(1, -1)) == pytest.approx(
        159 / 319
    )


def test_command_compares_runs(tmp_path):
    run = make_run(tmp_path / "rows", 28, workers=0)
    done = CliRunner().invoke(likeness.main, [str(run.path), "--json"])
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout.splitlines()[-1])["results"]
    assert 0.5 < found["correlation_same_video"] < 1
    assert found["correlation_other_video"] < 0.5


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path):
    done = CliRunner().invoke(likeness.main, [str(tmp_path)])
    assert done.exit_code == 1
    assert "is not a run directory" in done.output
