"""The state of the workers, written for those who ask without a connection."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from dfhpc.cluster.launch import Launch
from dfhpc.cluster.watch import WatchedJob
from dfhpc.runs import write_json
from dfhpc.this_job import this_job


def write_state(
    launch: Launch,
    jobs: Sequence[WatchedJob],
    connected: Collection[str],
    lost: int,
    reason: str | None,
    message: str | None,
) -> None:
    """Write which workers are wanted, connected and waited for."""
    here = this_job()
    running = sum(job.name in connected for job in jobs)
    value = {
        "t": time.time(),
        "system": launch.system.name,
        "driver_job": here.job_id if here is not None else None,
        "workers": {
            "wanted": launch.num_workers,
            "running": running,
            "pending": len(jobs) - running,
            "lost": lost,
        },
        "pending_reason": reason,
        "excluded_nodes": list(launch.config.exclude_nodes),
        "jobs": [_job(job, job.name in connected) for job in jobs if job.job_id],
        "message": message,
    }
    write_json(launch.run.cluster_state_path, value)


def _job(job: WatchedJob, is_connected: bool) -> dict[str, Any]:
    waiting = "running" if job.running_t is not None else "pending"
    return {
        "job_id": job.job_id,
        "name": job.name,
        "role": "worker",
        "state": "working" if is_connected else waiting,
        "node": job.node,
        "reason": job.listed.reason if job.listed is not None else "",
    }
