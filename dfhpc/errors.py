"""Every exception that dfhpc raises on purpose."""

from dfhpc.constants import EXIT_FAILED, EXIT_RESUMABLE, EXIT_USAGE

__all__ = [
    "BatchError",
    "ChainError",
    "ClusterError",
    "ConfigError",
    "DataLayoutError",
    "DecoderError",
    "DetectorError",
    "DfhpcError",
    "ExportError",
    "IncompleteStageError",
    "ModelError",
    "ProjectedMemoryError",
    "RunDirectoryError",
    "RunLockedError",
    "SettingsMismatchError",
    "SplitError",
    "StoppedError",
    "StoreError",
    "VideoReadError",
    "WorkerLostError",
]


class DfhpcError(Exception):
    """Base class: catch this to catch everything dfhpc raises on purpose."""

    exit_code = EXIT_FAILED


class ConfigError(DfhpcError, ValueError):
    """A recipe or an option holds an unknown key or a value out of range."""

    exit_code = EXIT_USAGE


class SettingsMismatchError(ConfigError):
    """A run directory is resumed with settings other than its own."""


class DataLayoutError(DfhpcError, ValueError):
    """A folder of videos is not laid out as its layout says."""


class VideoReadError(DfhpcError, OSError):
    """A video file cannot be opened or decoded.

    ``reason`` is a short code that reports count by, the message says more.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class DecoderError(DfhpcError, RuntimeError):
    """The process that decodes videos does not start, whatever the video."""


class DetectorError(DfhpcError, RuntimeError):
    """A face detector failed, which is not the same as finding no face."""


class StoreError(DfhpcError, ValueError):
    """The store does not hold what the run directory says it holds."""


class ExportError(DfhpcError, OSError):
    """Rows cannot be written where they are asked for."""


class RunDirectoryError(DfhpcError, FileNotFoundError):
    """A folder is not a run directory, or is one of another format version."""


class RunLockedError(DfhpcError, BlockingIOError):
    """Another process works on the same run directory."""


class IncompleteStageError(DfhpcError, FileNotFoundError):
    """A stage is asked for before the stages it stands on are done."""


class SplitError(DfhpcError, ValueError):
    """The videos cannot be split as asked."""


class ModelError(DfhpcError, ValueError):
    """A saved model is absent, damaged or of another version."""


class ProjectedMemoryError(DfhpcError, MemoryError):
    """The work would need more memory than a worker has."""


class WorkerLostError(DfhpcError, RuntimeError):
    """A worker process died while it held a unit of work."""

    def __init__(self, message: str, *, is_blameless: bool = False) -> None:
        """Say whether what the worker did is known not to be the cause."""
        super().__init__(message)
        self.is_blameless = is_blameless


class ClusterError(DfhpcError, RuntimeError):
    """No workers are to be had; what is finished is kept."""

    exit_code = EXIT_RESUMABLE


class ChainError(DfhpcError, RuntimeError):
    """A chain of jobs brings its run no further."""


class BatchError(DfhpcError, RuntimeError):
    """The batch system refuses or does not answer; the message is its own."""

    def __init__(self, message: str, *, is_lasting: bool = False) -> None:
        """Say whether asking again is known to be of no use."""
        super().__init__(message)
        self.is_lasting = is_lasting


class StoppedError(DfhpcError):
    """The run was asked to stop; everything finished is kept."""

    exit_code = EXIT_RESUMABLE
