"""Parquet: a row a face, its pixels as bytes of fixed length.

Parquet has no small integers: a list of uint8 would be stored as 32-bit numbers.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_CHANNELS, FACE_SIDE, LABEL_NAMES, ROW_LENGTH
from dfhpc.errors import ExportError
from dfhpc.exporting.table import Blocks, RowTable

GROUP_ROWS = 64
"""Rows of a row group, 20 MB: what a reader must hold."""


def require_pyarrow() -> None:
    """Refuse before anything is written where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ExportError(
            "Parquet needs pyarrow, which is not installed: pip install "
            "'dfhpc[parquet]', or export as npz."
        ) from error


def write_parquet(path: Path, table: RowTable, blocks: Blocks) -> None:
    """Write the rows; ``face`` holds 307,200 bytes, 320 x 320 pixels of RGB."""
    import pyarrow.parquet

    schema = _schema()
    others = [name for name in schema.names if name != "face"]
    with pyarrow.parquet.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=others
    ) as writer:
        for rows, pixels in blocks():
            for start in range(0, len(pixels), GROUP_ROWS):
                first = rows.start + start
                some = pixels[start : start + GROUP_ROWS]
                part = slice(first, first + len(some))
                writer.write_table(_group(schema, table, part, some))


def _schema() -> Any:
    import pyarrow as pa

    shape = f"{FACE_SIDE},{FACE_SIDE},{FACE_CHANNELS}"
    return pa.schema(
        [
            ("video_id", pa.string()),
            ("label", pa.string()),
            ("part", pa.string()),
            ("row", pa.int64()),
            ("frame_index", pa.int32()),
            ("time_s", pa.float64()),
            ("confidence", pa.float32()),
            ("box", pa.list_(pa.int32(), 4)),
            ("landmarks", pa.list_(pa.float32(), 10)),
            ("face", pa.binary(ROW_LENGTH)),
        ],
        metadata={"face_shape": shape, "face_dtype": "uint8", "face_order": "RGB"},
    )


def _group(schema: Any, table: RowTable, rows: slice, pixels: NDArray[np.uint8]) -> Any:
    import pyarrow as pa

    boxes = pa.array(table.box[rows].reshape(-1))
    points = pa.array(table.landmarks[rows].reshape(-1))
    columns = {
        "video_id": [_printable(video_id) for video_id in table.ids(rows)],
        "label": [LABEL_NAMES[int(label)] for label in table.label[rows]],
        "part": table.part[rows].tolist(),
        "row": table.row[rows],
        "frame_index": table.frame_index[rows],
        "time_s": table.time_s[rows],
        "confidence": table.confidence[rows],
        "box": pa.FixedSizeListArray.from_arrays(boxes, 4),
        "landmarks": pa.FixedSizeListArray.from_arrays(points, 10),
        # Without a copy: an array of bytes objects would hold each face twice more.
        "face": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(ROW_LENGTH),
            len(pixels),
            [None, pa.py_buffer(np.ascontiguousarray(pixels))],
        ),
    }
    return pa.Table.from_pydict(columns, schema=schema)


def _printable(text: str) -> str:
    """Return ``text`` without the bytes of a name that is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
