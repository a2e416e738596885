"""A view of the rows in few dimensions: principal components, from the Gram matrix."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import own_cores
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
    with threadpool_limits(own_cores(), "blas"):
        products = kernel.square()
        total = float(np.trace(products))
        count = min(NUM_COMPONENTS, len(training) - 1)
        start = np.ones(len(training))
        start[0] = 2
        values, vectors = eigsh(products, k=count, which="LA", v0=start)
        del products
        values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
        vectors = vectors * np.sign(
            vectors[np.abs(vectors).argmax(axis=0), range(count)]
        )
        lengths = np.sqrt(np.maximum(values, np.finfo(float).tiny))
        coordinates = kernel.against(rows) @ (vectors / lengths)
    return Projection(coordinates, values / total if total > 0 else values)
