"""No workers at all: units run one by one in the driver, for tests and debuggers."""

from collections.abc import Callable
from typing import Any

import psutil


class InlinePool:
    """Runs each unit when it is submitted."""

    num_workers = 0

    @property
    def worker_memory_bytes(self) -> int:
        """What this machine has available."""
        return int(psutil.virtual_memory().available)

    def submit(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """Call ``function`` now."""
        return _Done(name, function(*args))

    def wait(self, handles: list[Any]) -> list[Any]:
        """Return all: they are done."""
        return handles

    def result(self, handle: Any) -> Any:
        """Return what the call returned."""
        return handle.value

    def check(self, handle: Any) -> None:
        """Do nothing: what a call raises, it raises when it is submitted."""

    def forget(self, handles: list[Any]) -> None:
        """Do nothing: none is under way."""


class _Done:
    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value
