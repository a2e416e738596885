"""What a user has set in the environment for all batch jobs: queue, account, and such.

Rendered as options of the job, and not handed on as variables: sbatch prefers its
variables to the lines of a script, so that one would win over the recipe.
"""

import os
from collections.abc import Mapping

from dfhpc.cluster_config import ClusterConfig

_QUEUE = {"slurm": "SBATCH_PARTITION", "lsf": "LSB_DEFAULTQUEUE"}
_ACCOUNT = {"slurm": "SBATCH_ACCOUNT", "lsf": "LSB_DEFAULTPROJECT"}
_OPTIONS = {"SBATCH_QOS": "--qos=", "SBATCH_RESERVATION": "--reservation="}
"""SLURM's that have no key in a recipe."""


def with_user_defaults(
    config: ClusterConfig, environment: Mapping[str, str] = os.environ
) -> ClusterConfig:
    """Return ``config`` with the user's own defaults where the recipe says nothing.

    >>> slurm = ClusterConfig(kind="slurm", account="physics")
    >>> user = {"SBATCH_ACCOUNT": "other", "SBATCH_PARTITION": "long"}
    >>> found = with_user_defaults(slurm, user)
    >>> found.account, found.queue
    ('physics', 'long')
    """
    if not config.is_batch:
        return config
    options = _OPTIONS if config.kind == "slurm" else {}
    own = [
        option + environment[name]
        for name, option in options.items()
        if environment.get(name)
        and not any(line.startswith(option) for line in config.extra_directives)
    ]
    update = {
        "queue": config.queue or environment.get(_QUEUE[config.kind]) or None,
        "account": config.account or environment.get(_ACCOUNT[config.kind]) or None,
        "extra_directives": (*own, *config.extra_directives),
    }
    return config.model_copy(update=update)
