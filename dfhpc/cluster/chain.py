"""A chain of nights: jobs of the same run, each after the last."""

import hashlib
import os
from pathlib import Path

from dfhpc import journal
from dfhpc.batch_jobs import record_ended
from dfhpc.cluster.identity import driver_name
from dfhpc.cluster.launch import batch_system
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError, ChainError
from dfhpc.runs import RunDirectory
from dfhpc.this_job import this_job

CHAIN = "DFHPC_CHAIN"
"""Set in the jobs of a chain: its number."""

IDLE_LINKS = 2
"""So many links in a row that bring the run no further end the chain."""


def begin_link(run: RunDirectory, config: ClusterConfig) -> None:
    """Note the start of a link; refuse it where the last ones came to nothing.

    Raises
    ------
    ChainError
        When two links before this one brought the run no further.
    """
    chain = os.environ.get(CHAIN)
    if not chain:
        return
    now = progress_mark(run)
    here = this_job()
    job_id = here.job_id if here is not None else ""
    links = [
        record
        for record in journal.read(run.links_path)
        if record.get("chain") == chain and record.get("job_id") != job_id
    ]
    last = links[-IDLE_LINKS:]
    if len(last) == IDLE_LINKS and all(link["mark"] == now for link in last):
        end_chain(run, config)
        jobs = " and ".join(str(link["job_id"]) for link in last)
        raise ChainError(
            f"Jobs {jobs} brought {run.path} no further, so this one is not tried. "
            f"Look into {run.job_logs_dir}; then submit again."
        )
    journal.append(run.links_path, {"chain": chain, "job_id": job_id, "mark": now})


def progress_mark(run: RunDirectory) -> str:
    """Return a word that changes whenever something of the run gets done."""
    digest = hashlib.sha256()
    for folder in (
        *(run.partitions_dir, run.gram_path, run.models_dir),
        *(run.search_dir, run.evaluation_dir),
    ):
        for name, _, files in sorted(os.walk(folder)):
            for file in sorted(files):
                if _tells_of_progress(file):
                    path = Path(name) / file
                    digest.update(f"{path.relative_to(run.path)} {_age(path)}".encode())
    return digest.hexdigest()


def _tells_of_progress(file: str) -> bool:
    """Whether a file is not of what was merely begun."""
    own = (".partial", ".current", "begun.json", "deaths.json")
    return not file.endswith(own)


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def end_chain(run: RunDirectory, config: ClusterConfig) -> list[str]:
    """Cancel the links that wait for this one; return their job ids."""
    here = this_job()
    if not os.environ.get(CHAIN) or here is None or not config.is_batch:
        return []
    system = batch_system(config)
    try:
        waiting = [
            job.job_id
            for job in system.jobs(driver_name(run))
            if job.state == "pending" and job.job_id != here.job_id
        ]
        system.cancel(waiting)
    except BatchError:
        # They will find the run finished, and end at once.
        return []
    for waiting_id in waiting:
        record_ended(run, waiting_id, "CANCELLED")
    return waiting
