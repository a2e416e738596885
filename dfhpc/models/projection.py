"""A view of the rows in few dimensions: principal components, from the Gram matrix."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import own_cores
from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.models.gram_reader import Gram
from dfhpc.models.kernels import Kernel
from dfhpc.store.reading import Rows

NUM_COMPONENTS = 10

BLOCK_ROWS = 1024
"""Rows whose products with the training rows are in memory at a time."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """Rows by principal components of the training rows."""

    coordinates: Floats
    """(rows, components)"""
    shares: Floats
    """Of the training rows' variance, that each component explains."""


def project_rows(gram_path: Path, training: Rows, rows: Rows) -> Projection:
    """Return ``rows`` by the first principal components of the training rows.

    The eigenvectors of the centered Gram matrix are the components' scores; other
    rows follow from their inner products with the training rows. Equal to
    scikit-learn's PCA, up to the sign of a component, which is chosen here so that
    its largest score is positive.
    """
    from scipy.sparse.linalg import eigsh
    from threadpoolctl import threadpool_limits

    kernel = Kernel(Gram(gram_path), training, "mean")
    count = min(NUM_COMPONENTS, len(training) - 1)
    with threadpool_limits(own_cores(), "blas"):
        products = kernel.square()
        total = float(np.trace(products))
        if total <= 0:
            # All rows are the same.
            return Projection(np.zeros((len(rows), count)), np.zeros(count))
        # Not at random, so that the same rows give the same picture.
        start = np.linspace(1, 2, len(training))
        values, vectors = eigsh(products, k=count, which="LA", v0=start)
        del products
        values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
        largest = vectors[np.abs(vectors).argmax(axis=0), range(count)]
        lengths = np.sqrt(np.maximum(values, np.finfo(float).tiny))
        weights = vectors * np.sign(largest) / lengths
        parts = [
            kernel.against(rows[i : i + BLOCK_ROWS]) @ weights
            for i in range(0, len(rows), BLOCK_ROWS)
        ]
    return Projection(np.concatenate(parts), values / total)


def project_bytes(num_training: int) -> int:
    """Return a worker's peak: the matrix of the training rows, and a block's."""
    return PROCESS_BYTES + 8 * num_training**2 + 3 * 8 * BLOCK_ROWS * num_training
