"""The table of a folder of verdicts, which no spreadsheet takes for a program."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dfhpc.escaping import escaped
from dfhpc.runs import write_text

COLUMNS = (
    *("status", "reasons", "probability", "score", "faces", "path", "sha256"),
    *("seconds", "json", "page"),
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a spreadsheet takes a cell for a formula, and runs it."""


def write_table(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a line a video to ``path``, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([_cell(line[name]) for name in COLUMNS])
    write_text(path, text.getvalue())


def _cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula.

    >>> _cell("=1+1"), _cell(0.5), _cell(None)
    ("'=1+1", '0.5', '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    # Not every reader takes a line break within quotes for a part of its cell.
    text = escaped(value)
    return f"'{text}" if value.startswith(_FORMULA) else text
