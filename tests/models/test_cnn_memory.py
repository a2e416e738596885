"""What a network takes while it is trained, measured in processes of their own."""

import subprocess
import sys

import numpy as np
import pytest

from dfhpc.models.base import TRAINING_ROWS_NAME, TrainingRows
from dfhpc.runs import RunDirectory
from dfhpc.store.partitions import plan_store
from dfhpc.store.schema import create_store

MEMORY = """
import sys
from pathlib import Path
from dfhpc.cluster.inline import InlinePool
from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn import CnnTrainer
from dfhpc.runs import RunDirectory

config = CnnConfig(
    weights="none", side=32, epochs=1, dense_units=16, batch_rows=48
)
trainer = CnnTrainer("cnn", config)
trainer.train(RunDirectory(Path(sys.argv[1])), InlinePool(), lambda step: None)
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
print(trainer.project_bytes(0, 12 * 307_200))
"""


@pytest.mark.slow
def test_peak_memory_is_projected_and_does_not_grow_with_rows(tmp_path):
    peaks = []
    for rows in (48, 300):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, _invented(tmp_path / str(rows), rows).path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        peak, projected = map(int, done.stdout.split())
        assert peak <= projected
        peaks.append(peak)
    # The 252 rows more take 77 MB as they are stored.
    assert peaks[1] - peaks[0] < 40e6


def _invented(path, num_rows):
    run = RunDirectory(path)
    layout = plan_store(num_rows // 3, 3, 4)
    store = create_store(run.store_path, layout, {})
    rng = np.random.default_rng(0)
    for index in range(layout.num_partitions):
        where = layout.rows(layout.partition(index))
        shape = (where.stop - where.start, 307_200)
        store["faces"][where] = rng.integers(0, 256, shape, np.uint8)
    rows = np.arange(num_rows)
    training = TrainingRows(rows, (rows % 2).astype(np.int8))
    training.save(run.model_dir("cnn") / TRAINING_ROWS_NAME)
    return run
