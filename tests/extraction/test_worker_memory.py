"""What extraction takes of a worker, its decoder included, on frames of 1080p."""

import shutil
import subprocess
import sys

import pytest

from dfhpc import pipeline
from dfhpc.runs import RunDirectory
from dfhpc.stages import extract, scan
from dfhpc.store.schema import create_store
from dfhpc.videos.manifest import read_manifest

MOST_BYTES = 500_000_000

CODE = """
import sys
from pathlib import Path
import distributed  # which a worker has loaded
from dfhpc.extraction.partition import run_partition
from dfhpc.videos.decoder import get_decoder

def peak(process):
    # Not ru_maxrss: a child begins with that of the process it was forked from.
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

counts = run_partition(Path(sys.argv[1]), 0, "attempt")
assert counts["videos"] == {"ok": 6}, counts
print(peak("self"), peak(get_decoder().pid))
"""


@pytest.mark.slow
def test_a_worker_stays_small(data_dir, tmp_path):
    for number in range(6):
        name = tmp_path / "data" / "real" / f"{number}.mp4"
        name.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data_dir / "several_people.mp4", name)
    settings = pipeline.resolve(
        tmp_path / "run",
        None,
        {"data.path": str(tmp_path / "data")},
        {"assignments": ["extract.stride=15", "extract.videos_per_partition=6"]},
    )
    run = RunDirectory(tmp_path / "run")
    pipeline.scan_only(settings, run.path, None)
    videos = read_manifest(run.manifest_path)
    layout = extract.layout_of(videos, scan.load_settings(run))
    create_store(run.store_path, layout, {})
    run.partitions_dir.mkdir()
    command = [sys.executable, "-c", CODE, str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    worker, decoder = map(int, done.stdout.split())
    assert worker + decoder < MOST_BYTES
    assert worker < extract._project_bytes(settings, layout)
