"""The one small job that looks at a node; it is never left behind."""

import contextlib
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from dfhpc.cluster.batch import BatchSystem
from dfhpc.doctor.awaiting import Vigil
from dfhpc.doctor.batch_probes import system_of
from dfhpc.doctor.door import Door
from dfhpc.doctor.finding import Outcome, failure, skipped
from dfhpc.doctor.node_facts import TAKEN_HERE, TAKEN_THERE, create_exclusively
from dfhpc.doctor.order import probe_submission, security_files, write_order
from dfhpc.doctor.renaming import Reader
from dfhpc.doctor.visit import Visit
from dfhpc.errors import BatchError


def job(visit: Visit) -> Outcome:
    """Say whether a job starts on a node, and dfhpc in it."""
    if visit.workspace is None:
        return skipped("There is no folder for the job's output.")
    folder = visit.workspace
    visit.run.job_logs_dir.mkdir(parents=True, exist_ok=True)
    keys = security_files(visit)
    try:
        door = _open_door(visit, folder, keys)
    except OSError as error:
        return failure(f"This host opens no door for the node: {error}.", "ulimit -n")
    reader = Reader(folder)
    create_exclusively(folder / TAKEN_HERE)
    threads: Sequence[Door | Reader] = (door, reader)
    for thread in threads:
        thread.start()
    try:
        outcome = _run(visit, folder)
        took = create_exclusively(folder / TAKEN_THERE)
    finally:
        for thread in threads:
            thread.close()
    visit.report["login"] = {
        "visitor": door.visitor,
        "fault": door.fault,
        "delay_s": door.delay_s,
        "sightings": asdict(reader.seen),
        "took_what_was_taken": took,
        "inode": folder.stat().st_ino,
        "time": time.time(),
    }
    return outcome


def _open_door(visit: Visit, folder: Path, keys: dict[str, str]) -> Door:
    """Listen where the scheduler would, and write the order that says where."""
    context = None
    if keys["certificate"]:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys["certificate"], keys["key"])
        context.load_verify_locations(keys["certificate"])
        context.verify_mode = ssl.CERT_REQUIRED
    try:
        door = Door(folder, port=visit.cluster.scheduler_port, context=context)
    except OSError:
        # The port is taken, as another probe tells; the road is tried on any other.
        door = Door(folder, port=0, context=context)
    door.token = write_order(visit, folder, door.port, keys)
    return door


def _run(visit: Visit, folder: Path) -> Outcome:
    """Submit the job, wait for its report, and cancel what is left of it."""
    system = system_of(visit)
    name = f"dfhpc-doctor-{secrets.token_hex(4)}"
    submission = probe_submission(visit, folder, name)
    vigil = Vigil(visit, folder, system, name)
    job_ids: list[str] = []
    # A closed terminal and a polite kill end this as Ctrl-C does.
    ending = _handled((signal.SIGTERM, signal.SIGHUP), _interrupt)
    with ending, _cancelled(visit, system, name, job_ids):
        try:
            job_ids.append(system.submit(submission))
        except BatchError as error:
            return failure(
                f"No job is taken: {error}", "change [cluster] as these words say"
            )
        return vigil.outcome(job_ids[0])


@contextlib.contextmanager
def _cancelled(
    visit: Visit, system: BatchSystem, name: str, job_ids: list[str]
) -> Iterator[None]:
    """Cancel at the end of the block every job of this name, or of these ids."""
    try:
        yield
    finally:
        # Whoever is in a hurry now would leave a job behind.
        with _handled((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN):
            _cancel(visit, system, name, job_ids)


def _cancel(visit: Visit, system: BatchSystem, name: str, job_ids: list[str]) -> None:
    """Cancel by name what was submitted before its id was known, the rest by id."""
    try:
        left = [
            job.job_id
            for job in system.jobs("")
            if job.state != "ended" and (job.name == name or job.job_id in job_ids)
        ]
        system.cancel(left)
    except BatchError as error:
        visit.tell(f"A job named {name} may be left; it ends by itself: {error}")


@contextlib.contextmanager
def _handled(
    numbers: Sequence[signal.Signals],
    handler: Callable[[int, FrameType | None], None] | signal.Handlers,
) -> Iterator[None]:
    """Take these signals otherwise in the block; only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
