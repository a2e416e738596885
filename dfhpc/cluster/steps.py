"""Workers as steps of the driver's own job, where nodes may not submit jobs."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dfhpc.cluster.batch import (
    JobRequest,
    QueuedJob,
    Submission,
    run_command,
)
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError
from dfhpc.this_job import BatchName, this_job

END_S = 10.0
"""How long a step may take to end when it is asked to."""


@dataclass(frozen=True)
class _Step:
    name: str
    node: str
    process: subprocess.Popen[bytes]


class Steps:
    """Starts workers on the nodes of this job, by ``srun`` or ``blaunch``."""

    name: BatchName
    commands: tuple[str, ...]

    def __init__(
        self, config: ClusterConfig, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Find out on which nodes this job has room.

        Raises
        ------
        BatchError
            When this process is in no batch job.
        """
        here = this_job(environment)
        if here is None:
            raise BatchError(
                "--workers-in-job starts workers inside a batch job, and this is "
                "none. Submit it: dfhpc submit ... --workers-in-job.",
                is_lasting=True,
            )
        self.name = here.system
        self.commands = ("srun",) if self.name == "slurm" else ("blaunch",)
        if self.name == "slurm":
            self._free = _slurm_slots(environment)
        else:
            hosts = environment.get("LSB_MCPU_HOSTS", "")
            self._free = lsf_slots(hosts, config.part_cores)
        self.num_slots = len(self._free)
        if not self._free:
            raise BatchError(
                f"Job {here.job_id} has room for its driver alone; for "
                "--workers-in-job ask for one task more than workers.",
                is_lasting=True,
            )
        self._count = 0
        self._steps: dict[str, _Step] = {}
        self._excluded: set[str] = set()

    def directives(self, request: JobRequest) -> list[str]:
        """Return none: the job is there."""
        del request
        return []

    def submission(self, request: JobRequest, body: str) -> Submission:
        """Return name, output and script of a worker; its node is chosen late."""
        return Submission((request.name, str(request.output)), body)

    def submit(self, submission: Submission) -> str:
        """Start a step on a free node and return its number.

        Raises
        ------
        BatchError
            When all nodes of the job are taken, or the program is not there.
        """
        if not self._free:
            raise BatchError("This job has no room for one more worker.")
        node = self._free.pop(0)
        name, output = submission.command
        self._count += 1
        step_id = str(self._count)
        command = [*self._prefix(node), "bash", "-c", submission.script]
        try:
            with open(output.replace("%J", step_id), "ab") as file:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            self._free.append(node)
            raise BatchError(
                f"{command[0]}: {error.strerror}.", is_lasting=True
            ) from None
        self._steps[step_id] = _Step(name, node, process)
        return step_id

    def exclude(self, node: str) -> None:
        """Start no more workers on ``node``."""
        self._excluded.add(node)
        self._free = [free for free in self._free if free != node]
        self.num_slots = len(self._free) + len(self._steps)

    def _prefix(self, node: str) -> list[str]:
        if self.name == "lsf":
            return ["blaunch", "-z", node]
        step = ["srun", "--nodes=1", "--ntasks=1", f"--nodelist={node}", "--overlap"]
        # One worker that ends is no reason to end others.
        return [*step, "--wait=0", "--kill-on-bad-exit=0"]

    def jobs(self, prefix: str) -> list[QueuedJob]:
        """Return the steps, and give back the nodes of those that have ended."""
        found = []
        for step_id, step in list(self._steps.items()):
            code = step.process.poll()
            if code is None:
                job = QueuedJob(step_id, step.name, "running", "RUNNING", step.node, "")
            else:
                word = f"STEP FAILED WITH {code}" if code else "STEP COMPLETED"
                job = QueuedJob(step_id, step.name, "ended", word, step.node, "")
                del self._steps[step_id]
                if step.node not in self._excluded:
                    self._free.append(step.node)
            found.append(job)
        return [job for job in found if job.name.startswith(prefix)]

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End steps."""
        ending = [self._steps[step_id] for step_id in job_ids if step_id in self._steps]
        for step in ending:
            step.process.terminate()
        for step in ending:
            try:
                step.process.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                step.process.kill()
                step.process.wait()


def _slurm_slots(environment: Mapping[str, str]) -> list[str]:
    nodes = environment.get("SLURM_JOB_NODELIST", "")
    printed = run_command(("scontrol", "show", "hostnames", nodes))
    return slurm_slots(printed.split(), environment.get("SLURM_TASKS_PER_NODE", ""))


def slurm_slots(nodes: Sequence[str], tasks: str) -> list[str]:
    """Return a node for each worker; the first task of all is the driver's.

    >>> slurm_slots(["n1", "n2", "n3"], "2(x2),1")
    ['n1', 'n2', 'n2', 'n3']
    """
    counts: list[int] = []
    for part in tasks.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match:
            counts += [int(match.group(1))] * int(match.group(2) or 1)
    slots = [n for n, count in zip(nodes, counts, strict=False) for _ in range(count)]
    return slots[1:]


def lsf_slots(hosts: str, cores: int) -> list[str]:
    """Return a node for each worker from LSF's list of hosts and slots.

    >>> lsf_slots("a 4 b 2", 2)
    ['a', 'b']
    """
    words = hosts.split()
    pairs = zip(words[::2], map(int, words[1::2]), strict=True)
    slots = [node for node, count in pairs for _ in range(count // cores)]
    return slots[1:]
