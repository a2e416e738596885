"""Rows for the network, a window of partitions at a time, made ready ahead."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import own_cores
from dfhpc.constants import FACE_CHANNELS, FACE_SIDE
from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn_augment import draw_motion, moved
from dfhpc.models.cnn_epoch import Window
from dfhpc.models.files import load_arrays
from dfhpc.store.prefetch import prefetched
from dfhpc.store.reading import Pixels, RowReader, Rows

Inputs = NDArray[np.float32]
"""What a network takes: (rows, side, side, 3) of 0 to 255, or (rows, features)."""


def small_faces(pixels: Pixels, side: int) -> NDArray[np.uint8]:
    """Return rows of (n, 307200) as pictures (n, side, side, 3)."""
    from PIL import Image

    result = np.empty((len(pixels), side, side, FACE_CHANNELS), np.uint8)
    for row, face in enumerate(pixels.reshape(-1, FACE_SIDE, FACE_SIDE, FACE_CHANNELS)):
        # Pillow's bilinear filter takes every pixel into account when it shrinks.
        resized = Image.fromarray(face).resize((side, side), Image.Resampling.BILINEAR)
        result[row] = np.asarray(resized)
    return result


class RowSource(Protocol):
    """Where the rows of a partition come from."""

    def read(self, partition: int, rows: Rows) -> tuple[Rows, NDArray[Any]]:
        """Return those of ``rows`` that a partition holds, and what is kept of them."""
        ...

    def finish(self, kept: NDArray[Any], rows: Rows, epoch: int | None) -> Inputs:
        """Return what the network takes; in no epoch, without chance."""
        ...


@dataclass(frozen=True)
class PixelSource:
    """Faces of the store, made smaller, and moved at random if so wished."""

    reader: RowReader
    config: CnnConfig
    threads: ThreadPoolExecutor

    def read(self, partition: int, rows: Rows) -> tuple[Rows, NDArray[np.uint8]]:
        """Return small faces of a partition, (n, side, side, 3)."""
        found, pixels = self.reader.read_partition(partition, rows)
        return found, small_faces(pixels, self.config.side)

    def finish(self, kept: NDArray[np.uint8], rows: Rows, epoch: int | None) -> Inputs:
        """Return faces as the network takes them, moved in an epoch of training."""
        if epoch is None or not self.config.augment:
            return kept.astype(np.float32)
        motions = [draw_motion(self.config, epoch, int(row)) for row in rows]
        return np.stack(list(self.threads.map(moved, kept, motions)))


@dataclass(frozen=True)
class FeatureSource:
    """What a frozen base gives for the faces, computed before."""

    folder: Path

    def read(self, partition: int, rows: Rows) -> tuple[Rows, Inputs]:
        """Return the features of a partition's rows."""
        arrays = load_arrays(feature_path(self.folder, partition))
        chosen = np.isin(arrays["rows"], rows)
        return arrays["rows"][chosen], arrays["features"][chosen]

    def finish(self, kept: Inputs, rows: Rows, epoch: int | None) -> Inputs:
        """Return the features as they are."""
        del rows, epoch
        return kept


def feature_path(folder: Path, partition: int) -> Path:
    """Return the file of the features of a partition's rows."""
    return folder / f"{partition:06d}.npz"


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for the network."""

    rows: Rows
    inputs: Inputs


def batches_ahead(
    source: RowSource, windows: Sequence[Window], epoch: int | None
) -> Generator[Batch]:
    """Yield the batches of windows, the next window being read meanwhile."""
    for window, rows, kept in prefetched(_read_window(source, w) for w in windows):
        for batch in window.batches:
            places = np.searchsorted(rows, batch)
            yield Batch(batch, source.finish(kept[places], batch, epoch))


def _read_window(
    source: RowSource, window: Window
) -> tuple[Window, Rows, NDArray[Any]]:
    wanted = window.rows
    parts = [source.read(index, wanted) for index in sorted(window.partitions)]
    rows = np.concatenate([rows for rows, _ in parts])
    return window, rows, np.concatenate([kept for _, kept in parts])


def plain_windows(rows: Rows, rows_per_partition: int, batch_rows: int) -> list[Window]:
    """Return rows in order, a partition a window."""
    windows = []
    for index in np.unique(rows // rows_per_partition):
        inside = rows[rows // rows_per_partition == index]
        starts = range(0, len(inside), batch_rows)
        batches = tuple(inside[start : start + batch_rows] for start in starts)
        windows.append(Window((int(index),), batches))
    return windows


def worker_threads() -> ThreadPoolExecutor:
    """Return threads that move faces, one a core."""
    return ThreadPoolExecutor(own_cores(), thread_name_prefix="faces")
