"""What holds a process to its memory: control groups, and limits of the shell."""

import os
import resource
from pathlib import Path

_UNLIMITED = 1 << 60
"""The kernel writes a number as large where there is no limit."""


def memory_limits(
    groups: str | None = None, root: Path = Path("/sys/fs/cgroup")
) -> dict[str, int]:
    """Return limits in bytes by what sets them; ``groups`` is as /proc/self/cgroup."""
    text = _read(Path("/proc/self/cgroup")) if groups is None else groups
    found: dict[str, int] = {}
    for line in text.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            limit = _least(root, path, "memory.max")
        elif "memory" in controllers.split(","):
            limit = _least(root / "memory", path, "memory.limit_in_bytes")
        else:
            continue
        if limit is not None:
            found["cgroup"] = min(limit, found.get("cgroup", limit))
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft != resource.RLIM_INFINITY:
        found["ulimit -v"] = soft
    return found


def _least(root: Path, path: str, name: str) -> int | None:
    """Return the smallest limit of a group and those above it."""
    folder = root / path.strip("/")
    limits = []
    # A container sees its own group as the root, whatever its path is called.
    while folder.is_relative_to(root):
        text = _read(folder / name).strip()
        if text.isdecimal() and int(text) < _UNLIMITED:
            limits.append(int(text))
        folder = folder.parent
    return min(limits, default=None)


def node_bytes() -> int:
    """Return the memory of the whole node."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
