"""What a node tells of itself; the login side judges it."""

import functools
import os
import platform
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dfhpc
from dfhpc.cluster.batch import outer_environment
from dfhpc.doctor import door, renaming
from dfhpc.doctor.machine import cpu_flags, cpu_model, thread_facts
from dfhpc.doctor.memory import memory_limits, node_bytes
from dfhpc.doctor.network import interface_address, interface_names
from dfhpc.doctor.places import free_space, mount_of
from dfhpc.doctor.trying import run_trial

Order = dict[str, Any]

CONNECT_S = 15.0

SCRATCH = "DFHPC_DOCTOR_SCRATCH"
"""Where the node's shell leaves the path of its scratch, variables replaced."""

TAKEN_HERE = "taken-by-login"
TAKEN_THERE = "taken-by-node"


def python(order: Order, folder: Path) -> dict[str, Any]:
    """Return which Python and which dfhpc this is."""
    return {
        "version": platform.python_version(),
        "dfhpc": dfhpc.__version__,
        "package": str(Path(dfhpc.__file__).parent),
        "host": socket.gethostname(),
    }


def trial(name: str, order: Order, folder: Path) -> dict[str, Any]:
    """Return how libraries, or a detector, fare in a process of their own."""
    return run_trial(name)


def shared(order: Order, folder: Path) -> dict[str, Any]:
    """Return how the shared folder looks from here."""
    began = time.monotonic()
    with open(folder / "synced", "wb") as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    return {
        "inode": folder.stat().st_ino,
        "kind": mount_of(folder.resolve()).kind,
        "fsync_s": time.monotonic() - began,
    }


def rename(order: Order, folder: Path) -> dict[str, Any]:
    """Replace a file that the login side reads."""
    return {"times": renaming.replace_many(folder)}


def exclusive(order: Order, folder: Path) -> dict[str, Any]:
    """Try to take a name that is taken, and take one for the login side to try."""
    took = create_exclusively(folder / TAKEN_HERE)
    create_exclusively(folder / TAKEN_THERE)
    return {"took_what_was_taken": took}


def create_exclusively(path: Path) -> bool:
    """Return whether ``path`` was not there, and was made."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def connect(order: Order, folder: Path) -> dict[str, Any]:
    """Knock at the login side's door as a worker would, and compare the clocks."""
    plain = socket.create_connection((order["host"], order["port"]), CONNECT_S)
    with plain:
        plain.settimeout(door.KNOCK_S)
        secured = plain
        if order["certificate"]:
            secured = client_context(order).wrap_socket(plain)
        with secured, secured.makefile("rwb") as stream:
            began = time.time()
            door.say(stream, token=order["token"])
            there = float(door.hear(stream)["time"])
            ahead = (began + time.time()) / 2 - there
            # A name that nobody has looked for yet, which no cache knows.
            name = f"seen-{uuid.uuid4().hex}"
            (folder / name).write_text("here")
            door.say(stream, file=name)
            return {"address": secured.getsockname()[0], "clock_ahead_s": ahead}


def client_context(order: Order) -> ssl.SSLContext:
    """Return what a worker shows and asks for: the key of this visit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(order["certificate"])
    context.load_cert_chain(order["certificate"], order["key"])
    return context


def interface(order: Order, folder: Path) -> dict[str, Any]:
    """Return whether the interface of the recipe is here."""
    name = order["interface"]
    return {"address": interface_address(name), "names": interface_names()}


def submit(order: Order, folder: Path) -> dict[str, Any]:
    """Return whether the batch system would take a job from here."""
    missing = [name for name in order["commands"] if shutil.which(name) is None]
    if missing:
        return {"missing": missing}
    done = subprocess.run(
        order["test"]["command"],
        input=order["test"]["script"],
        capture_output=True,
        text=True,
        timeout=60,
        env=outer_environment(os.environ),
        check=False,
    )
    words = " ".join((done.stderr or done.stdout).split())
    return {"status": done.returncode, "words": words}


def scratch(order: Order, folder: Path) -> dict[str, Any]:
    """Return what the node's own disk is like; make its folder, as a worker does."""
    path = Path(os.environ[SCRATCH])
    path.mkdir(parents=True, exist_ok=True)
    own = path / f"dfhpc-doctor-{uuid.uuid4().hex}"
    own.write_bytes(b"here")
    own.unlink()
    kind = mount_of(path.resolve()).kind
    return {"path": str(path), "kind": kind, "free_bytes": free_space(path)[0]}


def memory(order: Order, folder: Path) -> dict[str, Any]:
    """Return what holds this job to its memory, and how much the node has."""
    return {"limits": memory_limits(), "node_bytes": node_bytes()}


def processor(order: Order, folder: Path) -> dict[str, Any]:
    """Return which processor this is, and how many cores of it are ours."""
    return {
        "model": cpu_model(),
        "flags": cpu_flags(),
        "cores": len(os.sched_getaffinity(0)),
        "node_cores": os.cpu_count(),
    }


def threads(order: Order, folder: Path) -> dict[str, Any]:
    """Return what the environment says of threads."""
    return thread_facts()


FACTS: dict[str, Callable[[Order, Path], dict[str, Any]]] = {
    "python": python,
    "shared": shared,
    "rename": rename,
    "exclusive": exclusive,
    "connect": connect,
    "interface": interface,
    "submit": submit,
    "scratch": scratch,
    "memory": memory,
    "processor": processor,
    "threads": threads,
    "imports": functools.partial(trial, "imports"),
    "mtcnn": functools.partial(trial, "mtcnn"),
    "haar": functools.partial(trial, "haar"),
}
"""Facts by name, the quick ones first."""
