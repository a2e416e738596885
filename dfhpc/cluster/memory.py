"""Memory is projected before work starts, and refused where it does not fit."""

from dfhpc.cluster.pool import WorkPool
from dfhpc.errors import ProjectedMemoryError

PROCESS_BYTES = 400 * 1024**2
"""A worker with Dask, Zarr, scikit-learn and numba, before it has read a row."""

USABLE_SHARE = 0.8
"""Dask pauses a worker above this share of its limit."""


def check_memory(name: str, projected: int, pool: WorkPool) -> None:
    """Refuse work that a worker has no room for.

    Raises
    ------
    ProjectedMemoryError
        Naming both figures and what to change.
    """
    usable = int(USABLE_SHARE * pool.worker_memory_bytes)
    if projected > usable:
        raise ProjectedMemoryError(
            f"{name} would need {projected / 1e9:.1f} GB in a worker, which can use "
            f"{usable / 1e9:.1f} GB. Use fewer workers, or raise cluster.memory_limit."
        )
