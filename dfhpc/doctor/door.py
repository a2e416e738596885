"""A door of this process that the node knocks at, as a worker at its scheduler."""

import json
import os
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Protocol

KNOCK_S = 20.0
"""How long one line of the conversation may take."""

SEEN_S = 90.0
"""How long a new file is waited for; NFS may hide one for a minute."""

_POLL_S = 0.02


class Stream(Protocol):
    """What a socket's file can do, of which lines are made."""

    def write(self, data: bytes, /) -> int | None:
        """Write some bytes."""
        ...

    def flush(self) -> None:
        """Send them."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return a line."""
        ...


def say(stream: Stream, **words: Any) -> None:
    """Send one line of JSON."""
    stream.write(json.dumps(words).encode() + b"\n")
    stream.flush()


def hear(stream: Stream) -> dict[str, Any]:
    """Return what one line of JSON says.

    Raises
    ------
    ValueError
        When it is none, or the other side is gone.
    """
    line = stream.readline(10_000)
    if not line:
        raise ValueError("the other side hung up")
    return dict(json.loads(line))


class Door(threading.Thread):
    """Listens, answers with its clock, and looks for the file that it is told of."""

    token = ""
    """What a visitor has to say first."""

    def __init__(
        self, folder: Path, *, port: int, context: ssl.SSLContext | None
    ) -> None:
        """Open the door; ``context`` is of TLS, None for none."""
        super().__init__(name="dfhpc-doctor-door", daemon=True)
        self._folder = folder
        self._context = context
        self._closing = threading.Event()
        self._socket = socket.create_server(("", port))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self.visitor: str | None = None
        """The address that the node came from."""
        self.fault = ""
        """Why a conversation broke off."""
        self.delay_s: float | None = None
        """How long a file of the node took to be seen here."""

    def run(self) -> None:
        """Answer one visitor after the other until closed."""
        while not self._closing.is_set():
            try:
                plain, where = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with plain:
                try:
                    self._answer(plain, str(where[0]))
                except (OSError, ValueError) as error:
                    self.fault = f"{type(error).__name__}: {error}"

    def _answer(self, plain: socket.socket, where: str) -> None:
        plain.settimeout(KNOCK_S)
        secured = plain
        if self._context is not None:
            secured = self._context.wrap_socket(plain, server_side=True)
        with secured, secured.makefile("rwb") as stream:
            if hear(stream).get("token") != self.token:
                raise ValueError(f"a stranger came from {where}")
            self.visitor = where
            say(stream, time=time.time())
            self._look_for(str(hear(stream)["file"]))

    def _look_for(self, name: str) -> None:
        """Measure how long a file takes to be listed here."""
        began = time.monotonic()
        while name not in os.listdir(self._folder):
            if time.monotonic() - began > SEEN_S or self._closing.is_set():
                return
            time.sleep(_POLL_S)
        self.delay_s = time.monotonic() - began

    def close(self) -> None:
        """Shut the door."""
        self._closing.set()
        if self.is_alive():
            self.join(timeout=5)
        self._socket.close()
