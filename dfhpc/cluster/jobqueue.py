"""dask-jobqueue's clusters, with what they lack put right in this one place.

Directives come from dfhpc's own renderer, scripts go to standard input, a refused
submission is remembered in the batch system's words and breaks nothing, job ids are
parsed strictly, and whether a lost worker is replaced is for the keeper to decide.
"""

import asyncio
import contextlib
import logging
import shlex
import sys
import time
from collections.abc import Iterable
from typing import Any

from dask_jobqueue import LSFCluster, SLURMCluster
from dask_jobqueue.lsf import LSFJob
from dask_jobqueue.slurm import SLURMJob
from distributed import Security, Status
from distributed.deploy.cluster import Cluster

from dfhpc.batch_jobs import BatchJob, record_submitted
from dfhpc.cluster.identity import worker_prefix
from dfhpc.cluster.launch import Launch
from dfhpc.errors import BatchError

logger = logging.getLogger(__name__)

SUBMIT_AT_A_TIME = 4
"""A burst of submissions is refused by many sites."""

RELEASE_S = 10.0
LEAVE_S = 1.5
"""How long a job may take to end when its worker has."""


class _WorkerJob:
    """A worker's job: one process, named as its job."""

    name: str
    job_id: str | None
    status: Status
    _command_template: str

    def __init__(
        self,
        scheduler: str | None = None,
        name: str | None = None,
        *,
        launch: Launch,
        slots: asyncio.Semaphore,
        security: Security | None = None,
        **kwargs: Any,
    ) -> None:
        self._launch = launch
        self._slots = slots
        self.error: BatchError | None = None
        self.began_t = time.time()
        arguments = launch.worker_arguments(security)
        super().__init__(  # type: ignore[call-arg]
            scheduler=scheduler,
            name=name,
            python=shlex.quote(sys.executable),
            worker_command="dfhpc.cluster.worker",
            worker_extra_args=["--nanny", *arguments],
            cores=1,
            processes=1,
            memory=f"{launch.config.worker_bytes}B",
            job_script_prologue=[],
            job_name=name,
            death_timeout=launch.connect_s,
            # A variable is for the node's own shell to replace.
            local_directory=f'"{launch.scratch}"',
            **kwargs,
        )

    @property
    def worker_process_memory(self) -> str:
        """Exact, where the library would round to two decimals."""
        return f"{self._launch.config.worker_bytes}B"

    def job_script(self) -> str:
        """Return what is submitted."""
        submission = self._launch.submission(self.name, self._command_template)
        return submission.script

    async def start(self) -> None:
        """Submit; a refusal is kept for the keeper, which decides what follows."""
        launch = self._launch
        submission = launch.submission(self.name, self._command_template)
        try:
            async with self._slots:
                self.job_id = await asyncio.to_thread(launch.system.submit, submission)
        except BatchError as error:
            self.error = error
        else:
            self.began_t = time.time()
            request = launch.request(self.name)
            job = BatchJob(
                self.job_id,
                self.name,
                launch.system.name,
                "worker",
                request.cores,
                request.memory_bytes,
                request.walltime_s,
                str(launch.output_of(self.name, self.job_id)),
            )
            if launch.are_jobs:
                record_submitted(launch.run, job)
        # The library holds a job for running once it has been submitted.
        self.status = Status.running

    @property
    def is_closed(self) -> bool:
        """Whether it was cancelled."""
        return bool(self.status == Status.closed)

    async def close(self) -> None:
        """Do no more: the cluster has cancelled it, with others, by one command."""
        self.status = Status.closed


class _SlurmWorkerJob(_WorkerJob, SLURMJob):  # type: ignore[misc]
    pass


class _LsfWorkerJob(_WorkerJob, LSFJob):  # type: ignore[misc]
    pass


class _WorkerCluster:
    """A cluster whose lost workers are replaced by the keeper, never by itself."""

    worker_spec: dict[str, Any]
    workers: dict[str, _WorkerJob]
    new_spec: dict[str, Any]
    scheduler: Any

    def __init__(self, launch: Launch, security: Security | None) -> None:
        self._launch = launch
        self._count = 0
        self.came: set[str] = set()
        """Names of all workers that ever were at the scheduler."""
        super().__init__(  # type: ignore[call-arg]
            launch=launch,
            slots=asyncio.Semaphore(SUBMIT_AT_A_TIME),
            security=security,
            protocol="tls://" if security else "tcp://",
            scheduler_options=launch.scheduler_options(),
            interface=launch.config.interface,
            silence_logs=logging.CRITICAL,
            log_directory=str(launch.run.job_logs_dir),
        )

    def new_worker_spec(self) -> dict[str, Any]:
        """Return a worker of a name that no other worker ever had."""
        self._count += 1
        name = f"{worker_prefix(self._launch.run)}{self._count}"
        return {name: self.new_spec}

    def _update_worker_status(self, op: str, msg: Any) -> None:
        if op == "add":
            self.came |= {str(worker["name"]) for worker in msg["workers"].values()}
        # SpecCluster would cancel the job of a worker that was gone for 15 seconds,
        # and leave it among those that it believes to be there.
        Cluster._update_worker_status(self, op, msg)

    async def renew(self, lost: list[str], count: int) -> None:
        """Forget jobs that are lost, and submit so many new ones."""
        await self._cancel(lost)
        for name in lost:
            self.worker_spec.pop(name, None)
        for _ in range(count):
            self.worker_spec.update(self.new_worker_spec())
        await self._correct_state()  # type: ignore[attr-defined]

    async def _close(self) -> None:
        """Let workers end, cancel what is left by one command, then close."""
        await self._release()
        await self._cancel(self.workers)
        await super()._close()  # type: ignore[misc]

    async def _cancel(self, names: Iterable[str]) -> None:
        """Cancel several jobs by one command; those that have ended do not mind."""
        jobs = [self.workers[name] for name in names if name in self.workers]
        ids = [str(job.job_id) for job in jobs if job.job_id and not job.is_closed]
        try:
            await asyncio.to_thread(self._launch.system.cancel, ids)
        except BatchError as error:
            logger.warning("Jobs %s were not cancelled: %s", " ".join(ids), error)
        for job in jobs:
            job.status = Status.closed

    async def _release(self) -> None:
        """Ask workers to end, so that their jobs end well and not as cancelled."""
        scheduler = self.scheduler
        if scheduler is None or scheduler.status != Status.running:
            return
        if not scheduler.workers:
            return
        message = {"op": "terminate", "reason": "released"}
        # To the nannies: a worker that merely closes would be started again.
        telling = scheduler.broadcast(msg=message, nanny=True, on_error="ignore")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(telling, RELEASE_S)
        # The worker has gone; its job has yet to.
        await asyncio.sleep(LEAVE_S)


class SlurmWorkers(_WorkerCluster, SLURMCluster):  # type: ignore[misc]
    """Workers as jobs of SLURM."""

    job_cls = _SlurmWorkerJob


class LsfWorkers(_WorkerCluster, LSFCluster):  # type: ignore[misc]
    """Workers as jobs of LSF."""

    job_cls = _LsfWorkerJob
