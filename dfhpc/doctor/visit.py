"""What is examined, and what one probe leaves for another."""

import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfhpc.cluster_config import ClusterConfig
from dfhpc.config import Settings
from dfhpc.runs import RunDirectory

Report = dict[str, Any]
"""By name, what the node told."""


def _say_nothing(message: str) -> None:
    del message


@dataclass
class Visit:
    """One examination."""

    settings: Settings
    folder: Path
    """Absolute; it need not exist."""
    nights: int = 1
    wait_s: float = 300.0
    """How long the probe job may wait in its queue."""
    grace_s: float = 60.0
    """How long a shared folder may take to show what a job has written."""
    python: str = sys.executable
    """What a job is started with."""
    tell: Callable[[str], None] = _say_nothing
    facts: tuple[str, ...] = ()
    """What the node is asked for."""
    node: str = "node"
    """The name of the node that the probe job ran on."""
    report: Report = field(default_factory=dict)
    workspace: Path | None = None
    """A folder of our own in the shared folder; None where none could be made."""

    @property
    def cluster(self) -> ClusterConfig:
        """Where the work would be done."""
        return self.settings.cluster

    @property
    def place(self) -> Path:
        """The folder, or the nearest one above it that exists."""
        there = self.folder
        while not there.is_dir() and there != there.parent:
            there = there.parent
        return there

    @property
    def run(self) -> RunDirectory:
        """The workspace as a run directory, to ask for jobs as a run does."""
        return RunDirectory(self.workspace or self.place)

    @property
    def job_config(self) -> ClusterConfig:
        """The cluster, as for a job that is no part of another."""
        return self.cluster.model_copy(update={"workers_in_job": False})

    def titles(self) -> dict[str, str]:
        """Return by place the heading of its findings."""
        here = "login node" if self.cluster.is_batch else "this host"
        return {"login": f"{here} ({socket.gethostname()})", "node": self.node}

    def open(self) -> None:
        """Make the workspace, if the folder lets us."""
        try:
            made = tempfile.mkdtemp(prefix=".dfhpc-doctor-", dir=self.place)
        except OSError:
            return
        self.workspace = Path(made)

    def close(self) -> None:
        """Remove the workspace."""
        if self.workspace is not None:
            shutil.rmtree(self.workspace, ignore_errors=True)
