"""``.npz`` files, written member by member: no more than a block is in memory.

Members are stored and not compressed, as ``numpy.savez`` does. The same rows give the
same bytes.
"""

import contextlib
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE, LABEL_NAMES
from dfhpc.exporting.table import Blocks, RowTable

FACE_SHAPE = (FACE_SIDE, FACE_SIDE, FACE_CHANNELS)
TEXT_ROWS = 4096
"""Ids written at a time."""


def write_npz(path: Path, table: RowTable, blocks: Blocks) -> None:
    """Write ``faces`` (rows, 320, 320, 3) and an array for each fact of the rows.

    None of them needs pickle to be loaded.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with _member(archive, "faces") as file:
            _write_header(file, np.dtype(np.uint8), (len(table), *FACE_SHAPE))
            for _, pixels in blocks():
                file.write(np.ascontiguousarray(pixels).data.cast("B"))
        for name in (
            *("label", "frame_index", "time_s", "confidence", "box", "landmarks"),
            *("part", "row"),
        ):
            with _member(archive, name) as file:
                values: NDArray[Any] = getattr(table, name)
                np.lib.format.write_array(file, values, allow_pickle=False)
        with _member(archive, "video_id") as file:
            _write_ids(file, table)


def write_arr_0(path: Path, table: RowTable, blocks: Blocks) -> None:
    """Write work B's format: ``arr_0``, objects (rows, 2) of pixels and class.

    A row is a uint8 array of 307,200 and 'real' or 'fake'. Objects are pickled, so
    that loading it takes ``allow_pickle=True``.
    """
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive,
        _member(archive, "arr_0") as file,
    ):
        _write_header(file, np.dtype(object), (len(table), 2))
        pickler = pickle.Pickler(file, protocol=4)
        # Without the memo, which would hold every row until the end.
        pickler.fast = True
        pickler.dump(_Objects(table, blocks))


class _Objects:
    """Pickles as an array of objects, (rows, 2), which is never in memory."""

    def __init__(self, table: RowTable, blocks: Blocks) -> None:
        self._table = table
        self._blocks = blocks

    def __reduce__(self) -> tuple[Any, ...]:
        reduced: tuple[Any, ...] = np.empty((0, 2), object).__reduce__()  # type: ignore[assignment]
        make, arguments, state = reduced[:3]
        version, _, dtype, is_fortran, _ = state
        shape = (len(self._table), 2)
        items = _Items(self._table, self._blocks)
        return make, arguments, (version, shape, dtype, is_fortran, items)


class _Items:
    """Pickles as a list that is made while it is written."""

    def __init__(self, table: RowTable, blocks: Blocks) -> None:
        self._table = table
        self._blocks = blocks

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, self._iterate()

    def _iterate(self) -> Iterator[Any]:
        for rows, pixels in self._blocks():
            for label, face in zip(self._table.label[rows], pixels, strict=True):
                yield face.copy()
                yield LABEL_NAMES[int(label)]


@contextlib.contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    # ZipInfo without a date has that of 1980, so that bytes do not tell the time.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
        yield file


def _write_header(
    file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(file, header)


def _write_ids(file: IO[bytes], table: RowTable) -> None:
    used = np.unique(table.video)
    width = max((len(table.video_ids[position]) for position in used), default=1)
    dtype = np.dtype(f"<U{max(1, width)}")
    _write_header(file, dtype, (len(table),))
    for start in range(0, len(table), TEXT_ROWS):
        ids = table.ids(slice(start, start + TEXT_ROWS))
        file.write(np.array(ids, dtype).tobytes())
