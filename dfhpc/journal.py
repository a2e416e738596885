"""Journals: one JSON object a line, appended by any process, whole after any kill."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def append(path: Path, record: dict[str, Any]) -> None:
    """Append ``record`` with the time ``t``, in seconds since 1970, in one write."""
    append_all(path, [record])


def append_all(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Append ``records``, all with the same time ``t``, in one write."""
    now = time.time()
    lines = [json.dumps({"t": now, **each}, ensure_ascii=False) for each in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        # A full disk may have left half a line, which is not to spoil this one.
        size = os.fstat(descriptor).st_size
        is_whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
        text = "".join(f"{line}\n" for line in lines)
        os.write(descriptor, (text if is_whole else f"\n{text}").encode())
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal in order; an absent one has none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.split("\n"):
        try:
            record = json.loads(line)
        except ValueError:
            # A kill in the middle of a write leaves half a line.
            continue
        if isinstance(record, dict):
            yield record
