"""Where the work is done: the table [cluster] of a recipe."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    model_validator,
)

from dfhpc.durations import HOW_TO_WRITE, format_duration, parse_duration
from dfhpc.model_configs import PositiveInt, Section

ClusterKind = Literal["local", "slurm", "lsf", "dask"]

Port = Annotated[int, Field(ge=0, le=65535)]

GIBIBYTE = 1024**3

JOB_OVERHEAD = 512 * 1024**2
"""What a worker's job is asked for beside the worker's limit: its nanny, its shell."""

_BATCH_WORKERS = 4
_BATCH_WORKER_MEMORY = 4 * GIBIBYTE


LEAST_MEMORY = 256 * 1024**2
"""Of a process: less is a number whose unit was left out, and starts no Python."""


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        # A walltime of 8 is eight of something else to each reader. (Pydantic passes
        # a TypeError on.)
        raise ValueError(f"{value!r} has no unit; {HOW_TO_WRITE}")  # noqa: TRY004
    return parse_duration(value)


def _enough(count: pydantic.ByteSize) -> pydantic.ByteSize:
    if count < LEAST_MEMORY:
        raise ValueError(
            f"{count:d} bytes are too few for a process, which needs "
            f'{LEAST_MEMORY // 1024**2} MiB; write memory with its unit, as "4GiB"'
        )
    return count


Memory = Annotated[pydantic.ByteSize, AfterValidator(_enough)]


Duration = Annotated[
    PositiveInt,
    BeforeValidator(_seconds),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
"""Seconds, written as "8h" or "12:00:00"."""


class ClusterConfig(Section):
    """Where the work is done; never changes a result, so a resume may change it."""

    kind: ClusterKind = "local"
    address: str = ""
    """Of kind dask: a scheduler's address, or the path of its scheduler file."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Workers; 0 works in the driver itself; default: one a core, or 4 jobs."""
    memory_limit: Memory | None = None
    """Memory of one worker, as "4GB" or "2GiB"; default: its share of the machine, or
    4 GiB in a job."""
    dashboard_port: Port = 0
    """0 takes any free port."""
    dashboard_link: str | None = None
    """Address through a site's proxy, with {host}, {port} and environment variables."""

    cores: PositiveInt = 1
    """Cores of a worker's job; a solver uses them all, reading uses one."""
    walltime: Duration = 12 * 3600
    """Of the driver's job: a night."""
    worker_walltime: Duration | None = None
    """Of a worker's job; default: the driver's."""
    driver_cores: PositiveInt = 2
    driver_memory: Memory = pydantic.ByteSize(4 * GIBIBYTE)
    workers_in_job: bool = False
    """Whether workers are steps of the driver's own job, where nodes may not submit."""
    signal_before: Duration = 600
    """How long before its walltime a driver is asked to stop."""
    queue: str | None = None
    """SLURM calls it a partition."""
    account: str | None = None
    """LSF calls it a project."""
    driver_queue: str | None = None
    """Where drivers wait, if not where workers do."""
    extra_directives: tuple[str, ...] = ()
    """Added to every job, as "--constraint=avx512" or "-R 'select[avx]'"."""
    skip_directives: tuple[str, ...] = ()
    """Options that the site forbids, as "--mem" or "-M"."""
    exclude_nodes: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    """Lines of shell before dfhpc starts in a job, as "module load cuda"."""
    use_stdin: bool = True
    """LSF: whether bsub reads scripts from standard input."""
    memory_unit: Literal["KB", "MB", "GB"] | None = None
    """LSF before 10: the unit of plain numbers; default: numbers with their unit."""
    interface: str | None = None
    """Network interface of scheduler and workers, as "ib0"."""
    scheduler_port: Port = 0
    local_directory: str | None = None
    """Scratch on the node itself, may name variables; default: $TMPDIR or /tmp."""
    tls: bool | None = None
    """Whether scheduler and workers speak TLS; default: in jobs, yes."""
    max_replacements: PositiveInt = 20
    """So many workers may be lost in a row, with no unit done between."""

    @model_validator(mode="after")
    def _has_its_address(self) -> Self:
        if (self.kind == "dask") != bool(self.address):
            raise ValueError(
                "kind dask and address belong together: the address of a Dask "
                "scheduler, or its scheduler file"
            )
        if self.is_batch and self.workers == 0:
            raise ValueError("workers 0 is for kind local; jobs are at least 1")
        if self.kind == "lsf" and self.workers_in_job and self.memory_unit:
            raise ValueError(
                "workers_in_job needs LSF 10.1.0.9, which reserves memory for each "
                "task, and memory_unit is for one before 10; use workers as jobs"
            )
        return self

    @property
    def is_batch(self) -> bool:
        """Whether workers are jobs."""
        return self.kind in ("slurm", "lsf")

    @property
    def num_jobs(self) -> int:
        """How many worker jobs to keep."""
        return _BATCH_WORKERS if self.workers is None else max(1, self.workers)

    @property
    def worker_bytes(self) -> int:
        """Dask's limit of a worker in a job."""
        return int(self.memory_limit or _BATCH_WORKER_MEMORY)

    @property
    def worker_job_bytes(self) -> int:
        """What a worker's job is asked for."""
        return self.worker_bytes + JOB_OVERHEAD

    @property
    def part_cores(self) -> int:
        """Of each part of a job that has its workers inside; the driver is one."""
        return max(self.cores, self.driver_cores)

    @property
    def worker_walltime_s(self) -> int:
        """Of a worker's job."""
        return self.worker_walltime or self.walltime

    @property
    def grace_s(self) -> float:
        """How long units may take to end when the end of the walltime is announced."""
        announced = min(self.signal_before, self.walltime // 2)
        return max(announced - 60.0, announced / 2)

    @property
    def requested_bytes(self) -> int | None:
        """Memory asked for by name, over all workers and the driver's job."""
        if self.is_batch:
            return self.num_jobs * self.worker_job_bytes + int(self.driver_memory)
        if self.memory_limit is not None and self.workers:
            return int(self.memory_limit) * self.workers
        return None


def parse_cluster(text: str, inside: str | None) -> dict[str, Any]:
    """Return the keys of [cluster] that ``--cluster TEXT`` stands for.

    ``inside`` is the batch system in whose job this is, for ``auto``.

    >>> parse_cluster("slurm", None)
    {'kind': 'slurm', 'address': ''}
    >>> parse_cluster("auto", None)["kind"]
    'local'
    >>> parse_cluster("tcp://10.0.0.1:8786", None)
    {'kind': 'dask', 'address': 'tcp://10.0.0.1:8786'}

    Raises
    ------
    ValueError
        For anything that is neither a kind, nor an address, nor a file.
    """
    if text == "auto":
        return {"kind": inside or "local", "address": ""}
    if text in ("local", "slurm", "lsf"):
        return {"kind": text, "address": ""}
    if re.match("[a-z]+://", text):
        return {"kind": "dask", "address": text}
    if Path(text).is_file():
        return {"kind": "dask", "address": str(Path(text).absolute())}
    raise ValueError(
        f"--cluster {text} is none of local, slurm, lsf and auto, no address as "
        "tcp://HOST:PORT, and no scheduler file"
    )
