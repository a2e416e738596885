"""How a worker's job is started: the same for every kind of cluster."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfhpc.cluster.batch import BatchSystem, JobRequest, Submission
from dfhpc.cluster.lsf import Lsf
from dfhpc.cluster.slurm import Slurm
from dfhpc.cluster.steps import Steps
from dfhpc.cluster_config import ClusterConfig
from dfhpc.runs import RunDirectory

if TYPE_CHECKING:
    from distributed import Security

CONNECT_S = 300
"""How long a worker tries to reach the scheduler: many at once start slowly."""

LIFETIME_SHARE = 0.9
MOST_MARGIN_S = 600
"""A worker ends by itself this long before its job's walltime, or at 90 % of it."""


def batch_system(config: ClusterConfig) -> BatchSystem:
    """Return the batch system that ``config`` names."""
    return Slurm(config) if config.kind == "slurm" else Lsf(config)


class Launch:
    """What every worker's job of a run has in common; nodes may be excluded later."""

    connect_s = CONNECT_S

    def __init__(self, run: RunDirectory, config: ClusterConfig) -> None:
        """Prepare jobs of ``run`` as ``config`` says."""
        self.run = run
        self.config = config
        self._excluded = config.exclude_nodes
        self._steps = Steps(config) if config.workers_in_job else None
        self.system: BatchSystem = self._steps or batch_system(config)

    @property
    def num_workers(self) -> int:
        """How many workers to keep: no more than there is room for inside a job."""
        if self._steps is None:
            return self.config.num_jobs
        slots = self._steps.num_slots
        return (
            slots if self.config.workers is None else min(slots, self.config.num_jobs)
        )

    @property
    def are_jobs(self) -> bool:
        """Whether workers are jobs, and not steps of this one."""
        return self._steps is None

    def exclude(self, node: str) -> None:
        """Ask for no more jobs on ``node``."""
        if self._steps is not None:
            self._steps.exclude(node)
            return
        self._exclude((*self.config.exclude_nodes, node))

    def readmit(self) -> bool:
        """Take back what was excluded on the way; return whether anything was."""
        if self._steps is not None or self.config.exclude_nodes == self._excluded:
            return False
        self._exclude(self._excluded)
        return True

    def _exclude(self, nodes: tuple[str, ...]) -> None:
        self.config = self.config.model_copy(update={"exclude_nodes": nodes})
        self.system = batch_system(self.config)

    @property
    def scratch(self) -> str:
        """Folder on the node's own disk, for the node's shell to expand."""
        return self.config.local_directory or "${TMPDIR:-/tmp}"

    def output_of(self, name: str, job_id: str = "%J") -> Path:
        """Return the file of what a job prints; both systems know ``%J``."""
        return self.run.job_logs_dir / f"{name}-{job_id}.out"

    def request(self, name: str) -> JobRequest:
        """Return what is asked for a worker's job."""
        config = self.config
        return JobRequest(
            name,
            config.cores,
            config.worker_job_bytes,
            config.worker_walltime_s,
            self.output_of(name),
        )

    def submission(self, name: str, command: str) -> Submission:
        """Return what submits a worker whose shell command is ``command``."""
        lines = [
            *self.config.setup,
            # Beside many users on one node, all its cores are not ours.
            f"export DFHPC_CORES={self.config.cores}",
            f"exec {command}",
        ]
        return self.system.submission(self.request(name), "\n".join(lines))

    def worker_arguments(self, security: "Security | None") -> list[str]:
        """Return the arguments of ``dask worker`` that are ours, quoted."""
        walltime = self.config.worker_walltime_s
        margin = min(MOST_MARGIN_S, round((1 - LIFETIME_SHARE) * walltime))
        arguments = [
            *("--lifetime", f"{walltime - margin}s"),
            # Not all at once: each takes the work of those before it.
            *("--lifetime-stagger", f"{margin // 2}s"),
            "--no-dashboard",
        ]
        if security is not None:
            files = security.get_tls_config_for_role("worker")
            for role, path in files.items():
                if role != "ciphers" and path is not None:
                    option = f"--tls-{role.replace('_', '-')}"
                    arguments += [option, shlex.quote(path)]
        return arguments

    def scheduler_options(self) -> dict[str, Any]:
        """Return where the scheduler and its dashboard listen."""
        options: dict[str, Any] = {
            "port": self.config.scheduler_port,
            "dashboard_address": f":{self.config.dashboard_port}",
        }
        if self.config.interface:
            options["interface"] = self.config.interface
        return options
