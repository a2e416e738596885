"""Every path of a run directory, and how files in it come to be whole or absent."""

import contextlib
import json
import os
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import RunDirectoryError


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``target`` if the block succeeds.

    The temporary file lies beside the target, because a rename is atomic only
    within one file system, and bears a UUID, because process ids repeat across
    the nodes of a cluster.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    tmp = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        yield tmp
        _sync(tmp)
        os.replace(tmp, target)
        with contextlib.suppress(OSError):
            # Some file systems cannot flush a folder; then the rename may come later.
            _sync(target.parent)
    except BaseException as error:
        tmp.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            # A full disk does not say which file it has no room for.
            error.filename = str(target)
        raise


def _sync(path: Path) -> None:
    """Flush ``path`` to the disk, so that a mark never outlives its data."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_if_there(path: Path) -> None:
    """Flush ``path`` to the disk; an all-zero Zarr chunk has no file."""
    if path.exists():
        _sync(path)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with atomic_path(path) as tmp:
        tmp.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON, whole or not at all; NaN is refused."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> Any:
    """Return the value in a JSON file that dfhpc wrote.

    Raises
    ------
    RunDirectoryError
        When the file is absent or does not hold JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        raise RunDirectoryError(f"{path} does not exist.") from None
    except ValueError as error:
        raise RunDirectoryError(f"{path} is damaged ({error}).") from error


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """Return the JSON object in a file of a run directory.

    Raises
    ------
    RunDirectoryError
        When it is absent or damaged, lacks one of ``keys``, or is of another format
        version.
    """
    value = _read_object(path, keys)
    _refuse_other_format(path, value.get("format_version", FORMAT_VERSION))
    return value


def _read_object(path: Path, keys: Collection[str]) -> dict[str, Any]:
    value = read_json(path)
    if not isinstance(value, dict) or not set(keys) <= value.keys():
        raise RunDirectoryError(f"{path} is damaged: it has not all of {list(keys)}.")
    return value


def _refuse_other_format(path: Path, version: object) -> None:
    if version != FORMAT_VERSION:
        raise RunDirectoryError(
            f"{path} has format version {version}; this dfhpc reads "
            f"{FORMAT_VERSION}. Use the dfhpc that made it, or a new run directory."
        )


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run; nothing else builds a path inside it."""

    path: Path

    @property
    def config_path(self) -> Path:
        """Resolved settings."""
        return self.path / "config.json"

    @property
    def manifest_path(self) -> Path:
        """The videos, in row order; its presence is the done-mark of scan."""
        return self.path / "manifest.csv"

    @property
    def store_path(self) -> Path:
        """The Zarr group of faces."""
        return self.path / "faces.zarr"

    @property
    def partitions_dir(self) -> Path:
        """Done-marks of extraction."""
        return self.path / "partitions"

    def partition_path(self, partition: int) -> Path:
        """Done-mark of one partition, with the record of each of its videos."""
        return self.partitions_dir / f"{partition:06d}.json"

    def current_path(self, partition: int) -> Path:
        """Which video a worker reads just now, for the case that it dies of it."""
        return self.partitions_dir / f"{partition:06d}.current"

    @property
    def deaths_path(self) -> Path:
        """How many workers died while reading which video."""
        return self.partitions_dir / "deaths.json"

    @property
    def outcomes_dir(self) -> Path:
        """Journals of failed videos by partition, one a worker: no mark is read."""
        return self.partitions_dir / "outcomes"

    @property
    def extracted_path(self) -> Path:
        """Done-mark of extraction as a whole."""
        return self.partitions_dir / "finished.json"

    @property
    def split_path(self) -> Path:
        """Which videos or rows train, calibrate and test."""
        return self.split_variant_path("")

    def split_variant_path(self, suffix: str) -> Path:
        """Return the same for the split beside, whose names end in ``suffix``."""
        return self.path / f"split{suffix}.json"

    @property
    def gram_path(self) -> Path:
        """The Gram matrices of the rows, a Zarr group each."""
        return self.path / "gram.zarr"

    @property
    def features_path(self) -> Path:
        """The rows as features, a folder for each kind."""
        return self.path / "features"

    @property
    def models_dir(self) -> Path:
        """One folder a model."""
        return self.path / "models"

    def model_dir(self, name: str) -> Path:
        """Files of one model; ``model.json`` in it is its done-mark."""
        return self.models_dir / name

    def model_path(self, name: str) -> Path:
        """Done-mark of a model: what it was trained on."""
        return self.model_dir(name) / "model.json"

    @property
    def search_dir(self) -> Path:
        """What the search for settings found, a table and a plot a model."""
        return self.path / "search"

    def search_path(self, model_id: str) -> Path:
        """Done-mark of the search of one model, with its results."""
        return self.search_dir / f"{model_id}.json"

    @property
    def evaluation_dir(self) -> Path:
        """Scores and metrics of every model."""
        return self.path / "evaluation"

    @property
    def evaluation_path(self) -> Path:
        """Metrics of every model; the done-mark of evaluation."""
        return self.evaluation_dir / "evaluation.json"

    @property
    def on_dir(self) -> Path:
        """What the models are worth on the faces of other runs, a file each."""
        return self.evaluation_dir / "on"

    @property
    def robustness_path(self) -> Path:
        """Scores of test videos that were made worse; the done-mark of that."""
        return self.evaluation_dir / "robustness.json"

    @property
    def robustness_dir(self) -> Path:
        """Done-marks of it, one a video, with its scores."""
        return self.evaluation_dir / "robustness"

    @property
    def inspection_dir(self) -> Path:
        """Contact sheets, for people alone."""
        return self.path / "inspection"

    @property
    def report_path(self) -> Path:
        """The run as a page, for people alone."""
        return self.path / "report" / "report.html"

    @property
    def usage_dir(self) -> Path:
        """Samples of CPU and memory, one file a process."""
        return self.path / "usage"

    @property
    def logs_dir(self) -> Path:
        """Log files of the driver."""
        return self.path / "logs"

    @property
    def progress_path(self) -> Path:
        """What is being done just now, how much of it is done, and how fast."""
        return self.path / "progress.json"

    @property
    def error_path(self) -> Path:
        """The last error that ended a command on this run."""
        return self.logs_dir / "error.json"

    @property
    def performance_dir(self) -> Path:
        """Dask's performance report of each stage."""
        return self.logs_dir / "performance"

    @property
    def cluster_dir(self) -> Path:
        """What the run has to do with a batch system; keys, for the owner only."""
        return self.path / "cluster"

    @property
    def run_id_path(self) -> Path:
        """A name for this run that its jobs bear."""
        return self.cluster_dir / "run_id"

    @property
    def jobs_path(self) -> Path:
        """Journal of the batch jobs that were submitted and that ended."""
        return self.cluster_dir / "jobs.jsonl"

    @property
    def links_path(self) -> Path:
        """Journal of the links of a chain of jobs, and how far the run was."""
        return self.cluster_dir / "links.jsonl"

    @property
    def cluster_state_path(self) -> Path:
        """Workers wanted, running and pending, as the driver last saw them."""
        return self.cluster_dir / "state.json"

    @property
    def dashboard_path(self) -> Path:
        """Where the dashboard of the driver is."""
        return self.cluster_dir / "dashboard.json"

    @property
    def job_logs_dir(self) -> Path:
        """What each batch job printed."""
        return self.logs_dir / "jobs"

    @property
    def lock_path(self) -> Path:
        """Who works on this run directory now."""
        return self.path / "run.lock"


def open_run(path: Path) -> RunDirectory:
    """Return the run directory at ``path``.

    Raises
    ------
    RunDirectoryError
        When ``path`` is no run directory, or one of another format version.
    """
    run = RunDirectory(path.absolute())
    if not run.config_path.is_file():
        raise RunDirectoryError(
            f"{path} is not a run directory: it has no config.json. "
            "Start one with `dfhpc run --data DIR --run-dir RUN_DIR`."
        )
    config = _read_object(run.config_path, ["format_version"])
    _refuse_other_format(path, config["format_version"])
    return run
