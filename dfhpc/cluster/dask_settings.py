"""How dfhpc wants Dask, in every kind of cluster."""

import os
from typing import Any

import dask

from dfhpc.cluster.blas import CORETYPE, OURS, choose_blas

DASK_SETTINGS: dict[str, Any] = {
    # Dask may not judge which task killed a worker: the journal knows which video.
    "distributed.scheduler.allowed-failures": 0,
    # A unit asked for is a unit run: no second guessing where it would be cheaper.
    "distributed.scheduler.work-stealing": False,
    # Workers without a task go on living.
    "distributed.worker.lifetime.duration": None,
    "distributed.admin.log-length": 1000,
}

BATCH_SETTINGS: dict[str, Any] = {
    # Many jobs that start at once read one Python from one file server.
    "distributed.comm.timeouts.connect": "120s",
    "distributed.comm.timeouts.tcp": "120s",
}


def worker_environment() -> dict[str, dict[str, str]]:
    """Return Dask's setting of a worker's environment, with the right BLAS added."""
    key = "distributed.nanny.pre-spawn-environ"
    environment = {name: str(value) for name, value in dask.config.get(key).items()}
    chosen = dict(os.environ)
    choose_blas(chosen)
    own = {name: chosen[name] for name in (CORETYPE, OURS) if name in chosen}
    return {key: own | environment}
