"""File systems: which one a path is on, and what that means for a cluster."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

SHARED_KINDS = {
    *("nfs", "nfs4", "lustre", "gpfs", "beegfs", "cifs", "smb3", "ceph", "panfs"),
    *("afs", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.ceph", "wekafs"),
    *("orangefs", "pvfs2", "9p", "virtiofs"),
}
"""File systems that live on a server."""

MEMORY_KINDS = {"tmpfs", "ramfs"}
"""File systems whose files take memory."""

_PRIVATE = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
"""Every host has its own."""

GIGABYTE = 10**9


@dataclass(frozen=True)
class Mount:
    """Where a file system begins, and of what kind it is."""

    point: str
    kind: str


def mount_of(path: Path, table: str | None = None) -> Mount:
    r"""Return the file system that ``path`` is on; ``table`` is as /proc/mounts.

    >>> table = "/dev/sda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0"
    >>> mount_of(Path("/home/ada/runs"), table)
    Mount(point='/home', kind='nfs4')
    >>> mount_of(Path("/homes"), table)
    Mount(point='/', kind='ext4')
    """
    text = _read_mounts() if table is None else table
    best = Mount("/", "unknown")
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), fields[1])
        # Of two on one point the later covers the earlier.
        if path.is_relative_to(point) and len(point) >= len(best.point):
            best = Mount(point, fields[2])
    return best


def _read_mounts() -> str:
    path = Path("/proc/mounts")
    return path.read_text(errors="replace") if path.exists() else ""


def why_private(path: Path, table: str | None = None) -> str:
    """Return why other hosts will not see ``path``, "" where they may.

    >>> why_private(Path("/tmp/runs"), "/dev/sda / ext4 rw 0 0")
    'every host has a /tmp of its own'
    >>> why_private(Path("/home/ada"), "/dev/sda / ext4 rw 0 0")
    ''
    """
    mount = mount_of(path, table)
    if mount.kind in SHARED_KINDS:
        return ""
    for private in _PRIVATE:
        if path.is_relative_to(private):
            return f"every host has a {private} of its own"
    if mount.kind in MEMORY_KINDS:
        return f"{mount.point} is {mount.kind}, in this host's memory"
    return ""


def free_space(path: Path) -> tuple[int, int | None]:
    """Return bytes and files that a user may still write; None where not counted."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None
