"""What a person reads about jobs and dashboards."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def night_text(
    command: Sequence[str], script: str, script_path: Path | None = None
) -> str:
    """Return a submission as it could be given by hand.

    With ``script_path`` the command finds the script there, and not on standard input.
    """
    if script_path is not None:
        folder, path = (
            shlex.quote(str(script_path.parent)),
            shlex.quote(str(script_path)),
        )
        written = f"mkdir -p {folder}\ncat > {path} <<'EOF'\n{script.rstrip()}\nEOF\n"
        return f"{written}{shlex.join(command)}\n"
    return f"{shlex.join(command)} <<'EOF'\n{script.rstrip()}\nEOF\n"


def dashboard_text(found: dict[str, Any]) -> str:
    """Return where a dashboard is, and how to see it from another machine."""
    return (
        f"Dashboard: {found['link']}\n"
        f"From your own machine: {found['ssh']}\n"
        "then open http://localhost:8787/status"
    )
