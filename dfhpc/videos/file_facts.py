"""What is to be known of a file apart from its frames: its size and its digest."""

import hashlib
import os
import stat
import threading
from pathlib import Path
from typing import Any

_BLOCK = 2**20


class FileFacts:
    """Reads a file in a thread of its own, while others decode it."""

    def __init__(self, path: Path) -> None:
        """Begin to read."""
        self._path = path
        self._found: dict[str, Any] = {"sha256": None, "bytes": None}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def get(self) -> dict[str, Any]:
        """Return ``sha256`` and ``bytes``; None for what is no file or not readable."""
        self._thread.join()
        return self._found

    def _read(self) -> None:
        try:
            # To open a pipe would be to wait for its writer.
            status = os.stat(self._path)
            if not stat.S_ISREG(status.st_mode):
                return
            self._found["bytes"] = status.st_size
            digest = hashlib.sha256()
            with self._path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
            self._found["sha256"] = digest.hexdigest()
        except (OSError, ValueError):
            # The decoder says what is wrong with it.
            return
