"""Notes of a driver in its run directory, for those who ask how the run goes."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dfhpc.constants import EXIT_FAILED
from dfhpc.errors import DfhpcError, RunDirectoryError, StoppedError
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.this_job import this_job


class Note(BaseModel):
    """What is noted; keys that a later version adds do no harm."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ProgressNote(Note):
    """What the driver does, how much of it is done, and how fast.

    Within a stage that counts nothing just now, ``label`` is None. Times are seconds
    since 1970.
    """

    host: str
    pid: int
    stage: str
    started_t: float
    updated_t: float
    """When the last unit was done."""
    label: str | None = None
    unit: str = ""
    done: int = 0
    total: int = 0
    done_at_start: int = 0
    recent_per_minute: float | None = None
    attempt_per_minute: float | None = None


class ErrorNote(Note):
    """The error that ended the last command."""

    t: float
    message: str
    where: str
    exit_code: int
    job_id: str | None = None


class WorkerCounts(Note):
    """Workers by state; lost ones are counted over the driver's life."""

    wanted: int
    running: int
    pending: int
    lost: int


class JobNote(Note):
    """A job of this run as the batch system has it."""

    job_id: str
    name: str = ""
    role: str = ""
    state: str = ""
    node: str | None = None
    reason: str | None = None


class ClusterNote(Note):
    """Workers and jobs as the driver last saw them."""

    t: float
    system: str
    workers: WorkerCounts
    driver_job: str | None = None
    pending_reason: str | None = None
    excluded_nodes: tuple[str, ...] = ()
    jobs: tuple[JobNote, ...] = ()
    message: str | None = None


AnyNote = TypeVar("AnyNote", bound=Note)


def read_note(path: Path, kind: type[AnyNote]) -> AnyNote | None:
    """Return the note at ``path``; None where there is none.

    Raises
    ------
    RunDirectoryError
        When it is damaged.
    """
    try:
        return kind.model_validate(read_json(path))
    except RunDirectoryError:
        if path.exists():
            raise
        return None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "it"
        raise RunDirectoryError(f"{path} is damaged ({key}: {first['msg']}).") from None


@contextlib.contextmanager
def error_noted(run: RunDirectory) -> Iterator[None]:
    """Note the error that ends the block; if it ends well, forget an earlier one.

    A stop that was asked for is no error.
    """
    try:
        yield
    except StoppedError:
        raise
    except Exception as error:  # noted whatever it is, and on its way up
        note_error(run, error)
        raise
    forget_error(run)


def note_error(run: RunDirectory, error: Exception) -> None:
    """Write down ``error``, if the disk lets us."""
    here = this_job()
    job = here.job_id if here is not None else None
    note = ErrorNote(
        t=time.time(),
        message=sentence_of(error),
        where=f"{_process_or_job(job)} on {socket.gethostname()}",
        exit_code=getattr(error, "exit_code", EXIT_FAILED),
        job_id=job,
    )
    with contextlib.suppress(OSError):
        write_json(run.error_path, note.model_dump(mode="json"))


def forget_error(run: RunDirectory) -> None:
    """Remove the note of an error; a finished run may lie where none can write."""
    with contextlib.suppress(OSError):
        run.error_path.unlink(missing_ok=True)


def sentence_of(error: Exception) -> str:
    """Return what to tell a user of an error.

    >>> sentence_of(FileNotFoundError(2, "No such file or directory", "a.mp4"))
    'No such file or directory: a.mp4'
    >>> sentence_of(KeyError("faces"))
    "KeyError: 'faces'"
    """
    if isinstance(error, DfhpcError):
        return str(error)
    if isinstance(error, OSError):
        parts = [error.strerror or str(error), error.filename]
        return ": ".join(str(part) for part in parts if part)
    return f"{type(error).__name__}: {error}"


def _process_or_job(job_id: str | None) -> str:
    return f"process {os.getpid()}" if job_id is None else f"job {job_id}"
