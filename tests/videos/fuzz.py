"""Damaged files by the hundred, through a whole extraction: one outcome each.

By hand, with other seeds and more files than the test has:

    python -m tests.videos.fuzz --count 2000 --seed 7 --folder runs/fuzz

Real clips are damaged too where DFHPC_TEST_DATA names their folder.
"""

import argparse
import collections
import os
import time
from pathlib import Path
from unittest import mock

from dfhpc import pipeline
from dfhpc.faces.detector import Detection, get_detector
from dfhpc.recipes import parse_settings
from dfhpc.runs import read_json
from dfhpc.videos.manifest import read_manifest
from tests.videos.damages import damaged_files, sample_files

TIME_LIMIT_S = 10.0
"""Of a file; sound ones of this size take a hundredth of it."""

SETTINGS = {
    "extract": {
        "detector": "haar",
        "stride": 8,
        "frames_per_video": 4,
        "videos_per_partition": 20,
        "time_limit_s": TIME_LIMIT_S,
    },
    "cluster": {"workers": 0},
}

STATUSES = {"ok", "partial", "no_face", "error"}


def make_corpus(folder, count, seed):
    """Write ``count`` damaged files below ``folder``; the same for a seed."""
    data = os.environ.get("DFHPC_TEST_DATA", "")
    samples = sample_files(folder / "samples", Path(data) if data else None)
    target = folder / "data"
    target.mkdir(parents=True, exist_ok=True)
    names = []
    for number, (kind, suffix, content) in enumerate(
        damaged_files(samples, count, seed)
    ):
        names.append(f"{number:05d}-{kind}{suffix}")
        (target / names[-1]).write_bytes(content)
    return target, names


def extract(folder, data):
    """Extract all files of ``data`` in this process; return the records in marks."""
    settings = parse_settings({**SETTINGS, "data": {"path": str(data)}}, "fuzz")
    run = pipeline.start(folder / "run", settings)
    # What is found is not the question here, but that it ends as data.
    with mock.patch.object(get_detector("haar"), "detect", _find):
        pipeline.run_stages(run, settings, ("scan", "extract"), lambda *_: None)
    marks = sorted(run.partitions_dir.glob("0*.json"))
    records = [record for mark in marks for record in read_json(mark)["videos"]]
    return run, records


def _find(frames, min_face_size):
    return [
        [Detection((0, 0, f.shape[1] // 2 or 1, f.shape[0] // 2 or 1), 0.99, None)]
        for f in frames
    ]


def check(run, records, names):
    """Assert that each file ended in one outcome, told in words and in numbers."""
    ids = [video.video_id for video in read_manifest(run.manifest_path)]
    assert sorted(ids) == sorted(names)
    assert [record["video_id"] for record in records] == ids
    for record in records:
        assert record["status"] in STATUSES
        assert bool(record["reason"]) == (record["status"] != "ok"), record
        assert record["status"] != "error" or record["detail"] or record["frames"]
        kinds = {frame["status"] for frame in record["frames"]}
        if record["status"] == "ok":
            assert kinds == {"ok"}, record
        assert len(record["frames"]) <= SETTINGS["extract"]["frames_per_video"]
    assert run.extracted_path.exists()


def main():
    """Fuzz and print what became of the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    data, names = make_corpus(options.folder, options.count, options.seed)
    started = time.monotonic()
    run, records = extract(options.folder, data)
    check(run, records, names)
    print(f"{len(records)} files in {time.monotonic() - started:.1f} s")
    outcomes = collections.Counter((r["status"], r["reason"]) for r in records)
    for (status, reason), number in sorted(outcomes.items()):
        print(f"{number:6d} {status} {reason}")


if __name__ == "__main__":
    main()
