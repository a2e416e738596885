"""One driver at a time on a run directory, and no lock left behind by a dead one."""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from dfhpc.errors import RunLockedError

REFRESH_S = 10.0
"""How often the holder touches its lock."""

STALE_S = 90.0
"""A lock of another host that was not touched for so long is taken for dead."""


ASK_AGAIN_S = 5.0

JobLives = Callable[[str], bool | None]
"""Whether a batch job still runs; None where that is not known."""


@contextlib.contextmanager
def hold(
    lock_path: Path,
    job: str = "",
    job_lives: JobLives = lambda job: None,
    on_lost: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold ``lock_path`` while the block runs, by this process in batch job ``job``.

    A lock of this host is stale when its process is gone; one of another host when
    its batch job is gone, or where that is not known, when its holder has not touched
    it for ``STALE_S`` seconds. A batch job waits for that to be known: it is the next
    of a chain more often than a second copy. ``on_lost`` is called when another has
    taken the lock, as it may when this process could not touch it for long.

    Raises
    ------
    RunLockedError
        When another live process holds it; names its host and process.
    """
    token = uuid.uuid4().hex
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    _acquire(lock_path, _identity(token, job), _Asker(job, job_lives))
    stop = threading.Event()
    refresher = threading.Thread(
        target=_refresh,
        args=(lock_path, token, stop, on_lost),
        name="lock-refresh",
        daemon=True,
    )
    refresher.start()
    try:
        yield
    finally:
        stop.set()
        refresher.join()
        if _read(lock_path).get("token") == token:
            lock_path.unlink(missing_ok=True)


def holder_of(lock_path: Path) -> str | None:
    """Return process and host that hold a lock now, or None."""
    holder = _read(lock_path)
    if not holder or not _is_alive(lock_path, holder):
        return None
    return f"{holder.get('pid')} on {holder.get('host')}"


def is_held_here(lock_path: Path) -> bool:
    """Whether this very process holds a lock."""
    holder = _read(lock_path)
    own = {"host": socket.gethostname(), "pid": os.getpid()}
    return {name: holder.get(name) for name in own} == own


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, or held it until death."""

    pid: int
    host: str
    job: str | None
    """The batch job that the process belongs to, if any."""
    is_alive: bool


def read_holder(lock_path: Path) -> Holder | None:
    """Return who holds a lock or died holding it; None if it was given back."""
    holder = _read(lock_path)
    if not holder:
        return None
    return Holder(
        pid=holder.get("pid", -1),
        host=holder.get("host", "?"),
        job=str(holder.get("job") or "") or None,
        is_alive=_is_alive(lock_path, holder),
    )


@dataclass(frozen=True)
class _Asker:
    """Who wants the lock."""

    job: str = ""
    job_lives: JobLives = lambda job: None


def _acquire(lock_path: Path, own: dict[str, Any], asker: _Asker) -> None:
    end = time.monotonic() + (STALE_S + REFRESH_S if asker.job else 0.0)
    while not _create(lock_path, own):
        holder = _read(lock_path)
        state = _state(lock_path, holder, asker)
        if state == "dead":
            _take_away(lock_path, holder)
        elif state == "alive" or time.monotonic() > end:
            _refuse(lock_path)
        else:
            time.sleep(ASK_AGAIN_S)


def _create(lock_path: Path, own: dict[str, Any]) -> bool:
    """Create the lock; return whether it was not there."""
    try:
        # O_EXCL is atomic on NFS since version 3; hard links are not everywhere.
        with lock_path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(own))
    except FileExistsError:
        return False
    return True


def _take_away(lock_path: Path, holder: dict[str, Any]) -> None:
    """Take away the lock of a dead holder.

    It is renamed first: only one of several that find it stale succeeds, and one
    that was slow and has taken a rival's fresh lock sees so and puts it back.
    """
    aside = lock_path.with_name(f".{lock_path.name}.{uuid.uuid4().hex}")
    try:
        lock_path.rename(aside)
    except FileNotFoundError:
        return
    is_rivals = _read(aside) != holder
    if is_rivals:
        with contextlib.suppress(FileExistsError):
            # Not renamed: that would take the place of a third one's.
            _give_back(aside, lock_path)
    aside.unlink(missing_ok=True)
    if is_rivals:
        _refuse(lock_path)


def _give_back(aside: Path, lock_path: Path) -> None:
    try:
        os.link(aside, lock_path)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here.
        aside.rename(lock_path)


def _identity(token: str, job: str) -> dict[str, Any]:
    return {
        "job": job,
        "token": token,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": psutil.Process().create_time(),
    }


def _is_alive(lock_path: Path, holder: dict[str, Any]) -> bool:
    return _state(lock_path, holder, _Asker()) != "dead"


def _state(
    lock_path: Path, holder: dict[str, Any], asker: _Asker
) -> Literal["alive", "dead", "perhaps alive"]:
    if holder.get("host") == socket.gethostname():
        return "alive" if _process_lives(holder) else "dead"
    if job := str(holder.get("job") or ""):
        if job == asker.job:
            # This very job, on another node before it was queued again.
            return "dead"
        lives = asker.job_lives(job)
        if lives is not None:
            return "alive" if lives else "dead"
    return "perhaps alive" if _age_s(lock_path) < STALE_S else "dead"


def _refuse(lock_path: Path) -> None:
    holder = _read(lock_path)
    who = "a process"
    if holder:
        who = f"process {holder.get('pid')} on {holder.get('host')}"
    if holder.get("job"):
        who += f" (job {holder['job']})"
    raise RunLockedError(
        f"{lock_path.parent} is in use by {who}. "
        "Wait for it, stop it, or name another folder."
    )


def _process_lives(holder: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(int(holder.get("pid", -1)))
        same = abs(process.create_time() - float(holder["process_start"])) < 2.0
        return same and bool(process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.NoSuchProcess, ValueError, KeyError):
        return False


def _read(lock_path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(lock_path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _age_s(path: Path) -> float:
    """Return how long ago ``path`` was touched, by the file server's own clock."""
    probe = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
    except OSError:
        # One who may only look has no probe, and takes this host's clock.
        return time.time() - _touched_t(path)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _touched_t(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("-inf")


def _refresh(
    lock_path: Path, token: str, stop: threading.Event, on_lost: Callable[[], None]
) -> None:
    while not stop.wait(REFRESH_S):
        with contextlib.suppress(OSError):
            holder = _read(lock_path)
            if holder and holder.get("token") != token:
                on_lost()
                return
            os.utime(lock_path)
