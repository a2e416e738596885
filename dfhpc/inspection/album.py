"""A folder of sheets, and a note of what is in it."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dfhpc.errors import RunDirectoryError
from dfhpc.inspection.review import Shot
from dfhpc.reporting.sheets import Grid, Tile, draw_sheet, save_sheet
from dfhpc.runs import read_record, write_json

NOTE_NAME = "inspection.json"

Develop = Callable[[Sequence[Shot], tuple[int, int]], list[Tile]]


class Album:
    """Writes sheets into a folder, and takes away those of the last time."""

    def __init__(self, folder: Path) -> None:
        """Begin with the files that an earlier inspection left there."""
        self.folder = folder
        self.written: list[dict[str, Any]] = []
        self._stale: set[str] = set()
        with contextlib.suppress(RunDirectoryError):
            note = read_record(folder / NOTE_NAME, "written")
            # Names alone: a note must not lead out of its folder.
            self._stale = {Path(str(entry["file"])).name for entry in note["written"]}

    def add(self, name: str, kind: str, pictures: int) -> None:
        """Note a file that was written under ``name``."""
        size = (self.folder / name).stat().st_size
        self.written.append(
            {"file": name, "kind": kind, "pictures": pictures, "bytes": size}
        )

    def add_sheets(
        self,
        kind: str,
        title: tuple[str, str],
        shots: Sequence[Shot],
        grid: Grid,
        develop: Develop,
    ) -> None:
        """Write ``shots`` as sheets; ``title`` is the heading and the line below.

        One sheet's pictures are in memory at a time.
        """
        starts = range(0, len(shots), grid.capacity)
        for number, start in enumerate(starts, start=1):
            tiles = develop(shots[start : start + grid.capacity], grid.size)
            heading = f"{title[0]} (sheet {number} of {len(starts)})"
            sheet = draw_sheet(heading, title[1], tiles, grid)
            name = f"{kind}-{number:02d}.jpg"
            save_sheet(self.folder / name, sheet)
            self.add(name, kind, len(tiles))

    def close(self, note: dict[str, Any]) -> dict[str, Any]:
        """Write the note, remove what only an earlier one names; return the note."""
        note = {**note, "out": str(self.folder), "written": self.written}
        write_json(self.folder / NOTE_NAME, note)
        for name in self._stale - {entry["file"] for entry in self.written}:
            (self.folder / name).unlink(missing_ok=True)
        return note
