"""One driver at a time on a run directory, and no lock left behind by a dead one."""

import contextlib
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from dfhpc.errors import RunLockedError

REFRESH_S = 10.0
"""How often the holder touches its lock."""

STALE_S = 90.0
"""A lock of another host that was not touched for so long is taken for dead."""


@contextlib.contextmanager
def hold(lock_path: Path) -> Iterator[None]:
    """Hold ``lock_path`` while the block runs.

    A lock of this host is stale when its process is gone; one of another host,
    when its holder has not touched it for ``STALE_S`` seconds.

    Raises
    ------
    RunLockedError
        When another live process holds it; names its host and process.
    """
    token = uuid.uuid4().hex
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    _acquire(lock_path, token)
    stop = threading.Event()
    refresher = threading.Thread(
        target=_refresh, args=(lock_path, stop), name="lock-refresh", daemon=True
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


def _acquire(lock_path: Path, token: str) -> None:
    if not _create(lock_path, token):
        _remove_stale(lock_path)
        if not _create(lock_path, token):
            _refuse(lock_path)


def _create(lock_path: Path, token: str) -> bool:
    """Create the lock; return whether it was not there."""
    try:
        # O_EXCL is atomic on NFS since version 3; hard links are not everywhere.
        with lock_path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(_identity(token)))
    except FileExistsError:
        return False
    return True


def _remove_stale(lock_path: Path) -> None:
    """Take away the lock of a dead process; refuse if it lives.

    It is renamed first: only one of several that find it stale succeeds, and one
    that was slow and has taken a rival's fresh lock sees so and puts it back.
    """
    holder = _read(lock_path)
    if _is_alive(lock_path, holder):
        _refuse(lock_path)
    aside = lock_path.with_name(f".{lock_path.name}.{uuid.uuid4().hex}")
    try:
        lock_path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) != holder:
        aside.rename(lock_path)
        _refuse(lock_path)
    aside.unlink()


def _identity(token: str) -> dict[str, Any]:
    return {
        "token": token,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": psutil.Process().create_time(),
    }


def _is_alive(lock_path: Path, holder: dict[str, Any]) -> bool:
    if holder.get("host") == socket.gethostname():
        return _process_lives(holder)
    return _age_s(lock_path) < STALE_S


def _refuse(lock_path: Path) -> None:
    holder = _read(lock_path)
    who = f"process {holder['pid']} on {holder['host']}" if holder else "a process"
    raise RunLockedError(
        f"{lock_path.parent} is in use by {who}. "
        "Wait for it, stop it, or use another run directory."
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
    finally:
        probe.unlink(missing_ok=True)


def _refresh(lock_path: Path, stop: threading.Event) -> None:
    while not stop.wait(REFRESH_S):
        with contextlib.suppress(OSError):
            os.utime(lock_path)
