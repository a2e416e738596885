"""How a Gram matrix is cut into units of work, and where its pieces lie."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.constants import ROW_LENGTH
from dfhpc.store.reading import Rows
from dfhpc.store.schema import CHUNK_COLUMNS

ROWS_NAME = "rows.npz"

TILE_ROWS = 1024
"""Rows of a tile: large enough for the processor's full rate, small enough for its
cache (measured: 720 to 780 GFLOP/s at 1024, 250 to 330 at 3072)."""

SPAN_ROWS = 16_384
"""Most rows of a span: a worker holds all tiles of a pair of spans, 1.1 GB."""

UNITS_PER_WORKER = 2

SMALL_PARTS = 4
"""Ranges of columns where there is one pair of spans: so little is lost by a kill."""

NUM_CHUNKS = ROW_LENGTH // CHUNK_COLUMNS

MAX_ROWS = 50_000
"""Beyond it the matrix is 20 GB, and a solver needs it twice; all of FaceForensics++
at 7 frames a video is 42,000 rows."""


@dataclass(frozen=True)
class Tile:
    """Products of some rows with others, by position in the matrix."""

    rows: slice
    columns: slice


@dataclass(frozen=True)
class GramUnit:
    """All products of two spans of rows over one range of columns."""

    left: int
    right: int
    part: int

    @property
    def name(self) -> str:
        """A name for files and logs."""
        return f"{self.left:03d}-{self.right:03d}-{self.part:03d}"


@dataclass(frozen=True)
class GramPlan:
    """The cut; pinned when a matrix is begun, whatever workers a resume has."""

    num_rows: int
    rows_hash: str
    """Of the store and which of its rows."""
    span_rows: int
    num_parts: int
    """Ranges of columns; their sums are added up at the end."""

    @classmethod
    def make(cls, count: int, rows_hash: str, num_workers: int) -> "GramPlan":
        """Return a plan for ``count`` rows with work for so many workers."""
        # Whatever the number of workers, sums are added in the same order.
        parts = 1 if count > SPAN_ROWS else SMALL_PARTS
        most = SPAN_ROWS if count <= SPAN_ROWS else SPAN_ROWS // 2
        span = _whole_tiles(min(count, most))
        while span > 2 * TILE_ROWS and (
            parts * _pairs(-(-count // span)) < UNITS_PER_WORKER * num_workers
        ):
            span = _whole_tiles(-(-span // 2))
        return cls(count, rows_hash, span, parts)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @property
    def num_spans(self) -> int:
        """Spans of rows."""
        return -(-self.num_rows // self.span_rows)

    def units(self) -> list[GramUnit]:
        """Return all units."""
        return [
            GramUnit(left, right, part)
            for right in range(self.num_spans)
            for left in range(right + 1)
            for part in range(self.num_parts)
        ]

    def span(self, index: int) -> slice:
        """Return the positions of a span."""
        start = index * self.span_rows
        return slice(start, min(start + self.span_rows, self.num_rows))

    def tiles_of(self, span: int) -> list[slice]:
        """Return the positions of each tile of a span."""
        where = self.span(span)
        return [
            slice(start, min(start + TILE_ROWS, where.stop))
            for start in range(where.start, where.stop, TILE_ROWS)
        ]

    def tiles(self, unit: GramUnit) -> Iterator[Tile]:
        """Yield the tiles of a unit on and above the diagonal, column by column."""
        for columns in self.tiles_of(unit.right):
            for rows in self.tiles_of(unit.left):
                if rows.start <= columns.start:
                    yield Tile(rows, columns)

    def panels(self, unit: GramUnit) -> list[slice]:
        """Return the chunks of columns of a unit."""
        first = unit.part * NUM_CHUNKS // self.num_parts
        last = (unit.part + 1) * NUM_CHUNKS // self.num_parts
        return [
            slice(chunk * CHUNK_COLUMNS, (chunk + 1) * CHUNK_COLUMNS)
            for chunk in range(first, last)
        ]

    def project_disk_bytes(self) -> int:
        """Return what sums and matrix take on the disk at most."""
        tiles = self.num_rows * (self.num_rows + TILE_ROWS) // 2
        return 8 * tiles * (self.num_parts + 1)

    def project_bytes(self) -> int:
        """Return the peak of a worker: tiles, two panels and a copy of one."""
        same = self.num_spans == 1
        span = min(self.span_rows, self.num_rows)
        tiles = span * (span + 2 * TILE_ROWS) // 2 if same else span * span
        rows = span if same else 2 * span
        working = 8 * TILE_ROWS * CHUNK_COLUMNS + 4 * TILE_ROWS**2 * 8
        return PROCESS_BYTES + 8 * tiles + 3 * rows * CHUNK_COLUMNS + working


def _whole_tiles(rows: int) -> int:
    """Return ``rows``, or a few more, so that tiles and chunks of the file agree."""
    return -(-rows // TILE_ROWS) * TILE_ROWS


def _pairs(num_spans: int) -> int:
    return num_spans * (num_spans + 1) // 2


def hash_rows(rows: Rows) -> str:
    """Return a short hash of which rows these are."""
    data = np.ascontiguousarray(rows, np.int64).tobytes()
    return hashlib.sha256(data).hexdigest()[:16]


def tile_offsets(
    plan: GramPlan, unit: GramUnit
) -> tuple[list[Tile], NDArray[np.int64]]:
    """Return the tiles of a unit and where each begins in its file of numbers."""
    tiles = list(plan.tiles(unit))
    sizes = [
        (t.rows.stop - t.rows.start) * (t.columns.stop - t.columns.start) for t in tiles
    ]
    return tiles, np.cumsum([0, *sizes])


def part_path(folder: Path, unit: GramUnit) -> Path:
    """Return the file of a unit's sums, which is also its done-mark."""
    return folder / "parts" / f"{unit.name}.float64"
