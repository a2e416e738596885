"""Walking a data folder: every file of a kind below it, links followed, loops not."""

import os
from collections.abc import Iterator
from pathlib import Path

from dfhpc.constants import VIDEO_SUFFIXES
from dfhpc.errors import DataLayoutError


def walk_videos(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the id and path of each video below ``root``, as ``walk_files``."""
    return walk_files(root, VIDEO_SUFFIXES)


def walk_files(root: Path, suffixes: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Yield the id (path below ``root``, with slashes) and path of each file.

    Files are taken by their suffix, in lower case.
    Hidden files and folders are passed over. Links to folders are followed, each
    folder once, so that a loop of links ends.

    Raises
    ------
    DataLayoutError
        When a folder cannot be listed.
    """
    seen: set[tuple[int, int]] = set()
    for folder, names, files in os.walk(root, followlinks=True, onerror=_refuse):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            names.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix.lower() in suffixes and not name.startswith("."):
                yield path.relative_to(root).as_posix(), path


def _refuse(error: OSError) -> None:
    raise DataLayoutError(
        f"Folder {error.filename} cannot be listed: {error.strerror}."
    ) from error


def file_bytes(path: Path) -> int:
    """Return the size of ``path``; 0 where it cannot be told, as of a dangling link."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
