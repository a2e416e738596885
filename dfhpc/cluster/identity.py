"""What the jobs of a run are called, so that they are found again."""

import secrets

from dfhpc.runs import RunDirectory, read_json, write_json

NO_RUN_ID = "RUN_ID"
"""Stands for the word of a run that has none yet."""


def run_id(run: RunDirectory) -> str:
    """Return the run's own word of eight letters, made when first asked for.

    A copy of a run directory gets another: its jobs are not those of the original.
    """
    run.cluster_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    inode = run.cluster_dir.stat().st_ino
    known = _known_run_id(run)
    if known is not None:
        return known
    made = secrets.token_hex(4)
    write_json(run.run_id_path, {"run_id": made, "inode": inode})
    return made


def _known_run_id(run: RunDirectory) -> str | None:
    """Return the run's word, if it has one, and write nothing."""
    if not run.run_id_path.exists():
        return None
    known = read_json(run.run_id_path)
    is_own = known.get("inode") == run.cluster_dir.stat().st_ino
    return str(known["run_id"]) if is_own else None


def job_prefix(run: RunDirectory) -> str:
    """Return how the names of all jobs of a run begin."""
    return f"dfhpc-{run_id(run)}-"


def worker_prefix(run: RunDirectory) -> str:
    """Return how the names of its workers' jobs begin."""
    return f"{job_prefix(run)}w"


def driver_name(run: RunDirectory) -> str:
    """Return the name of its drivers' jobs."""
    return f"{job_prefix(run)}driver"


def planned_driver_name(run: RunDirectory) -> str:
    """Return the name of its drivers' jobs, with a stand-in where it has none yet."""
    return f"dfhpc-{_known_run_id(run) or NO_RUN_ID}-driver"
