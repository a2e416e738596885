"""The processor's own rate: one large sgemm, with the best kernel OpenBLAS has."""

import os
import time

REPEATS = 3


def sgemm_gflops(num_threads: int, side: int) -> float:
    """Return the best rate of a float32 product of side x side, in GFLOP/s."""
    from dfhpc.cluster.blas import blas_environment

    # Whatever the environment says: what is asked for is the processor's best.
    os.environ.pop("OPENBLAS_CORETYPE", None)
    os.environ.update(blas_environment())
    import numpy as np
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(side, side)).astype(np.float32) for _ in range(2))
    product = np.empty((side, side), np.float32)
    seconds = []
    with threadpool_limits(num_threads, "blas"):
        for _ in range(REPEATS):
            started = time.perf_counter()
            np.matmul(left, right, out=product)
            seconds.append(time.perf_counter() - started)
    return float(2 * side**3 / min(seconds) / 1e9)
