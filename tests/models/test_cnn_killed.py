"""A network on real faces, killed with the signal that nothing can catch."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dfhpc import pipeline
from dfhpc.models.cnn_checkpoint import CHECKPOINT_NAME, Checkpoint
from dfhpc.models.cnn_history import HISTORY_NAME
from dfhpc.recipes import parse_settings
from dfhpc.runs import read_json
from dfhpc.split_rows import rows_of_parts
from dfhpc.splits import Split
from dfhpc.store.reading import RowReader
from dfhpc.videos.manifest import read_manifest

CNN = {
    "kind": "cnn",
    "base": "vgg16",
    "weights": "none",
    "side": 32,
    "dense_units": 16,
    "epochs": 2,
    "batch_rows": 6,
    "patience": 5,
}

# As often as can be, so that it can be killed between two of an epoch.
KILLED = {**CNN, "checkpoint_s": 0}

SETTINGS = {
    "extract": {"detector": "haar", "frames_per_video": 2},
    "split": {"test_share": 0.3, "calibration_share": 0.3},
    "train": {"models": ["killed", "whole"], "named": {"killed": KILLED, "whole": CNN}},
    "cluster": {"workers": 0},
}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory, data_dir):
    data = {"path": str(data_dir / "ffpp"), "methods": ["Deepfakes"]}
    settings = parse_settings({**SETTINGS, "data": data}, "test")
    run = pipeline.start(tmp_path_factory.mktemp("ffpp") / "run", settings)
    pipeline.run_stages(run, settings, ("scan", "extract"), lambda stage, result: None)
    return run


def _epoch_and_batch(path):
    progress = Checkpoint.load(path).progress if path.exists() else None
    return (progress.epoch, progress.batch) if progress else (0, 0)


@pytest.mark.slow
def test_killed_in_its_second_epoch_it_ends_with_the_weights_of_one_that_was_not(
    extracted,
):
    command = [sys.executable, "-m", "dfhpc", "train", str(extracted.path)]
    path = extracted.model_dir("killed") / CHECKPOINT_NAME
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 400
    while _epoch_and_batch(path) < (1, 1):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert _epoch_and_batch(path)[0] == 1
    begun = path.stat().st_mtime_ns
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    killed, whole = (extracted.model_dir(name) for name in ("killed", "whole"))
    name = "network.weights.h5"
    assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert (killed / name).stat().st_mtime_ns > begun
    histories = [read_json(folder / HISTORY_NAME) for folder in (killed, whole)]
    assert histories[0]["epochs"] == histories[1]["epochs"] == 2
    _assert_watched_on_calibration(extracted, histories[1])


def _assert_watched_on_calibration(run, history):
    split = Split.from_json(read_json(run.split_path))
    reader = RowReader(run.store_path)
    parts = rows_of_parts(split, read_manifest(run.manifest_path), reader)
    saved = np.load(run.model_dir("whole") / "calibration_rows.npz")["rows"]
    assert len(saved) > 0
    assert saved.tolist() == parts["calibration"].tolist()
    for entry in history["by_epoch"]:
        assert entry["calibration"]["rows"] == len(saved)
        assert entry["train"]["rows"] == len(parts["train"])
