"""The program of a worker's job: ``python -m dfhpc.cluster.worker``.

It takes the arguments of ``dask worker``. What depends on the node's processor is
chosen here, on the node, before NumPy is imported.
"""

import signal

from dfhpc.cluster.blas import choose_blas


def main() -> None:
    """Be a Dask worker until the scheduler, the lifetime or the job ends."""
    choose_blas()
    for signum in (signal.SIGUSR1, signal.SIGUSR2):
        # For the driver: LSF sends them to all processes of a job.
        signal.signal(signum, signal.SIG_IGN)
    import dask
    from distributed.cli.dask_worker import main as dask_worker

    from dfhpc.cluster.dask_settings import BATCH_SETTINGS, worker_environment

    with dask.config.set(BATCH_SETTINGS), dask.config.set(worker_environment()):
        dask_worker()


if __name__ == "__main__":
    main()
