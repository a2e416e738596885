"""What is found out on the login node, before anything is begun or submitted."""

from dfhpc.cluster.batch import JobRequest
from dfhpc.cluster.identity import planned_driver_name
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.slurm import Slurm
from dfhpc.cluster.slurm_queues import longest, read_queues
from dfhpc.cluster_config import ClusterConfig
from dfhpc.config import Settings
from dfhpc.durations import format_duration
from dfhpc.errors import BatchError, ConfigError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn_weights import ensure_weights
from dfhpc.recipes import refuse_difference
from dfhpc.runs import RunDirectory
from dfhpc.stages import scan
from dfhpc.submission import driver_request, refuse_no_batch

WALLTIME_KEYS = {"driver": "cluster.walltime", "worker": "cluster.worker_walltime"}

OWN_LIMITS = ("--qos", "--partition", "-p", "--time", "-t", "--reservation")
"""A site's own directives that may take the place of the limit of a queue."""

UNUSABLE = {"\\": "a backslash", "\n": "a line break"} | {
    f"%{letter}": f"%{letter}" for letter in "JjI"
}
"""Batch systems change these in the name of a job's output, however they are quoted."""


def check(run: RunDirectory, settings: Settings) -> None:
    """Find out here what would end the job hours later. Nothing is written.

    Raises
    ------
    ConfigError
        When there are no data where the recipe says, or the run is for no batch
        system, was begun with other settings, or lies where no job can write.
    """
    refuse_no_batch(settings.cluster)
    for part, name in UNUSABLE.items():
        if part in str(run.path):
            raise ConfigError(
                f"The path of the run directory, {str(run.path)!r}, has {name} in it, "
                "which batch systems change; use another run directory."
            )
    path = settings.data.path
    if path is None or not path.exists():
        raise ConfigError(f"There are no data at {path}.")
    if scan.is_done(run):
        refuse_difference(scan.load_settings(run), settings, run.path)


def fetch_weights(settings: Settings) -> None:
    """Find or fetch what networks begin with; nodes often have no network.

    Raises
    ------
    ModelError
        When it is not there and cannot be fetched from here either.
    """
    for training in settings.trainings():
        for config in settings.candidates(training.name):
            if isinstance(config, CnnConfig):
                ensure_weights(config)


def ask_slurm(run: RunDirectory, config: ClusterConfig) -> None:
    """Let SLURM test the jobs of a driver and of a worker. Nothing is written.

    What it says of this moment, as of nodes that are down, is no reason to refuse.

    Raises
    ------
    ConfigError
        When SLURM would refuse them at any time, or never start them.
    """
    name = planned_driver_name(run)
    requests = {"driver": driver_request(run, config, None, name)}
    if not config.workers_in_job and config.num_jobs:
        requests["worker"] = Launch(run, config).request(name)
    if not any(line.startswith(OWN_LIMITS) for line in config.extra_directives):
        _refuse_long_jobs(config, requests)
    for role, request in requests.items():
        refusal = Slurm(config).refusal(request)
        if refusal is not None and refusal.is_lasting:
            raise ConfigError(
                f"SLURM would refuse the {role}'s job: {refusal} Change the queue, the "
                "account, the cores, the memory or extra_directives of [cluster]."
            )


def _refuse_long_jobs(config: ClusterConfig, requests: dict[str, JobRequest]) -> None:
    """Refuse what is over the limit of its queue: SLURM takes it, to wait for ever."""
    try:
        queues = read_queues()
    except BatchError:
        return
    for role, request in requests.items():
        queue = longest(request.queue or config.queue, queues)
        if queue is None or queue.walltime_s is None:
            continue
        if request.walltime_s > queue.walltime_s:
            most = format_duration(queue.walltime_s)
            raise ConfigError(
                f"The {role}'s walltime of {format_duration(request.walltime_s)} is "
                f"over the {most} of queue {queue.name}; set {WALLTIME_KEYS[role]} = "
                f'"{most}" or take a longer queue, with --nights for more time.'
            )
