"""The sampler as a Dask worker plugin."""

from pathlib import Path

from distributed import Worker, WorkerPlugin

from dfhpc.usage.sampler import Sampler


class UsagePlugin(WorkerPlugin):  # type: ignore[misc]
    """Samples each worker from its start to its end."""

    name = "dfhpc-usage"

    def __init__(self, usage_dir: Path) -> None:
        """Write below ``usage_dir``."""
        self._usage_dir = usage_dir
        self._sampler: Sampler | None = None

    def setup(self, worker: Worker) -> None:
        """Start to sample in the worker's process."""
        # Dask measured it when the worker came: scheduler's clock less worker's.
        offset = float(worker.scheduler_delay)
        self._sampler = Sampler(self._usage_dir, "worker", clock_offset_s=offset)
        self._sampler.start()

    def teardown(self, worker: Worker) -> None:
        """Take the last sample."""
        del worker
        if self._sampler is not None:
            self._sampler.stop()
