"""Watching a run: its status again and again, until there is nothing to wait for."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from dfhpc.constants import EXIT_DONE, EXIT_FAILED
from dfhpc.reporting.status_table import status_text
from dfhpc.runs import RunDirectory
from dfhpc.status import StatusReader

View = Literal["screen", "log", "json"]
"""Drawn anew each time, or printed when it has changed: as text, or as a JSON line."""

CLEAR = "\033[2J\033[H"


def watch(
    run: RunDirectory, every_s: float, echo: Callable[[str], None], *, as_json: bool
) -> int:
    """Show the status every ``every_s`` seconds; return the exit code.

    Ends when the run is finished, or when its driver has failed or died and none is
    to come; otherwise it waits for the next one. Ctrl-C ends it well.
    """
    plain: View = "screen" if sys.stdout.isatty() else "log"
    view: View = "json" if as_json else plain
    try:
        return _watch(StatusReader(run), every_s, view, echo)
    except KeyboardInterrupt:
        return EXIT_DONE


def _watch(
    reader: StatusReader, every_s: float, view: View, echo: Callable[[str], None]
) -> int:
    shown: dict[str, Any] | None = None
    times_failed = 0
    while True:
        status = reader.read()
        facts = {key: value for key, value in status.items() if key != "t"}
        if view == "screen" or facts != shown:
            echo(_text(status, view))
            shown = facts
        if status["finished"]:
            return EXIT_DONE
        times_failed = times_failed + 1 if status["failed_for_good"] else 0
        # Twice: a driver that begins lets go of the lock for a moment.
        if times_failed > 1:
            return EXIT_FAILED
        time.sleep(every_s)


def _text(status: dict[str, Any], view: View) -> str:
    if view == "json":
        return json.dumps(status)
    text = status_text(status)
    return f"{CLEAR}{text}" if view == "screen" else f"{text}\n"
