"""Marks and notes of an invented run, for the tests of status."""

import os
import socket
import time

from dfhpc import pipeline
from dfhpc.reporting.status_table import status_text
from dfhpc.runs import write_json
from dfhpc.videos.manifest import Video, write_manifest


def begin_run(folder, settings):
    """Return a run of 24 videos in 24 partitions, of which nothing is extracted."""
    run = pipeline.start(folder, settings)
    videos = [Video(f"v{i:02d}", f"/v{i:02d}.mp4", i % 2, f"g{i}") for i in range(24)]
    write_manifest(run.manifest_path, videos)
    return run


def mark(run, *indices, status="ok"):
    for index in indices:
        write_json(run.partition_path(index), {"videos": [{"status": status}]})


def stage_of(status, name):
    return next(stage for stage in status["stages"] if stage["stage"] == name)


def note_progress(run, **changes):
    note = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "stage": "extract",
        "started_t": time.time() - 60,
        "updated_t": time.time(),
        "label": "Extracting",
        "unit": "partition",
        "done": 4,
        "total": 24,
        "recent_per_minute": 10.0,
        "attempt_per_minute": 8.0,
    }
    write_json(run.progress_path, note | changes)
    return note | changes


def leave_lock(run, **more):
    holder = {"token": "t", "host": socket.gethostname(), "pid": 2**22 + 1}
    write_json(run.lock_path, holder | {"process_start": 1.0} | more)


def note_error(run, **changes):
    note = {"t": time.time(), "message": "Too bad.", "where": "job 2 on n1"}
    write_json(run.error_path, note | {"exit_code": 1, "job_id": "2"} | changes)


def note_cluster(run, **changes):
    state = {
        "t": time.time(),
        "system": "slurm",
        "driver_job": "12",
        "workers": {"wanted": 4, "running": 3, "pending": 1, "lost": 2},
        "pending_reason": "Resources",
        "excluded_nodes": ["n3"],
        "jobs": [
            {
                "job_id": "13",
                "name": "dfhpc-ab-w0",
                "role": "worker",
                "state": "RUNNING",
                "node": "n1",
                "reason": None,
            }
        ],
        "message": None,
    }
    write_json(run.cluster_state_path, state | changes)


def one_line(status):
    """Return the text of a status without its line breaks."""
    return " ".join(status_text(status).split())
