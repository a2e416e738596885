"""The benchmark of features: real models on made-up faces, and its summary."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import features
from benchmarks.measure import Measured
from benchmarks.rows import make_run
from dfhpc import pipeline
from dfhpc.runs import RunDirectory
from dfhpc.stages.scan import load_settings


def run_here(command):
    """Do what the command does, without a process of its own."""
    run = RunDirectory(Path(command[-1]))
    stages = pipeline.STAGES
    pipeline.run_stages(run, load_settings(run), stages, lambda stage, found: None)
    return Measured(2.0, 10**9, 10**9)


def test_everything_is_judged_on_the_same_test_part(tmp_path, monkeypatch):
    made = make_run(tmp_path / "rows", 84, workers=0)
    monkeypatch.setattr(features, "measure", run_here)
    options = ["--seeds", "1", "--workers", "0", "--model", "ridge", "--json"]
    arguments = [str(made.path), *options, "--folder", str(tmp_path / "views")]
    done = CliRunner().invoke(features.main, arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    kinds = [(e["model"], e["features"]) for e in found["summary"]]
    assert kinds == [
        *(("ridge", kind) for kind in features.FEATURES),
        ("logistic_regression", "size only"),
        ("random_forest", "size only"),
    ]
    assert len({tuple(e["test_groups"]) for e in found["results"]}) == 1
    assert len({e["videos"] for e in found["results"]}) == 1
    assert all(0 <= e["video_auc"] <= 1 for e in found["results"])
    assert found["costs"]["spectrum"]["seconds"] == 2.0
    assert found["size_from_spectrum"]["faces"] == 84
    assert "tells the size of 84 faces" in done.stdout


def entry(group, auc, interval=None):
    return {
        "model": "svm",
        "features": "spectrum",
        "test_groups": [group],
        "video_auc": auc,
        "video_auc_95": interval,
        "frame_auc": auc,
        "video_accuracy": 0.5,
    }


def test_seeds_that_test_on_the_same_groups_count_once():
    (found,) = features.summarize([entry("a", 0.4), entry("a", 0.6), entry("b", 0.9)])
    assert (found["seeds"], found["test_parts"]) == (3, 2)
    assert found["video_auc"] == pytest.approx(0.7)
    assert (found["video_auc_lowest"], found["video_auc_highest"]) == (0.5, 0.9)
    # Of two parts next to nothing is known.
    assert found["video_auc_95"] == [0.0, 1.0]


def test_an_interval_by_groups_is_preferred():
    entries = [entry("a", 0.6, [0.5, 0.7]), entry("b", 0.8, [0.7, 0.9])]
    (found,) = features.summarize(entries)
    assert found["video_auc_95"] == pytest.approx([0.6, 0.8])
    (alone,) = features.summarize(entries[:1])
    assert alone["video_auc_95"] == [0.5, 0.7]
    (none,) = features.summarize([entry("a", 0.6)])
    assert none["video_auc_95"] is None
