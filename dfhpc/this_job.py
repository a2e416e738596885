"""The batch job that this process is part of, if it is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

BatchName = Literal["slurm", "lsf"]


@dataclass(frozen=True)
class ThisJob:
    """A job by its system and id."""

    system: BatchName
    job_id: str

    def __str__(self) -> str:
        """Return what a lock says of it, as ``slurm 12``."""
        return f"{self.system} {self.job_id}"


def this_job(environment: Mapping[str, str] = os.environ) -> ThisJob | None:
    """Return the job that a process with this environment is part of.

    >>> print(this_job({"SLURM_JOB_ID": "7"}), this_job({"LSB_JOBID": "8"}))
    slurm 7 lsf 8
    >>> this_job({}) is None
    True
    """
    if job_id := environment.get("SLURM_JOB_ID"):
        return ThisJob("slurm", job_id)
    if job_id := environment.get("LSB_JOBID"):
        return ThisJob("lsf", job_id)
    return None
