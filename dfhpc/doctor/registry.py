"""All probes, in the order they are asked."""

from dfhpc.doctor import (
    batch_probes,
    between,
    folder,
    here,
    job,
    lsf_probes,
    models,
    network,
    node_probes,
    slurm_probes,
)
from dfhpc.doctor.finding import BATCH_KINDS, Probe

_SLURM, _LSF = ("slurm",), ("lsf",)
_ANSWERING = ("commands", "controller")

_LOGIN = (
    Probe("python", "login", here.python),
    Probe("libraries", "login", here.libraries),
    Probe("tls", "login", here.tls, BATCH_KINDS),
    Probe("threads", "login", here.threads),
    Probe("open_files", "login", here.open_files),
    Probe("folder", "login", folder.folder),
    Probe("space", "login", folder.space),
    Probe("mtcnn", "login", here.mtcnn),
    Probe("haar", "login", here.haar),
    Probe("models", "login", models.models),
    Probe("scheduler", "login", network.dask_scheduler, ("dask",)),
    Probe("address", "login", network.address, BATCH_KINDS),
    Probe("scheduler_port", "login", network.scheduler_port, BATCH_KINDS),
    Probe("commands", "login", batch_probes.commands, BATCH_KINDS),
    Probe(
        "controller", "login", batch_probes.controller, BATCH_KINDS, needs=("commands",)
    ),
    Probe("accounting", "login", batch_probes.accounting, BATCH_KINDS, _ANSWERING),
    Probe("units", "login", lsf_probes.units, _LSF, needs=("commands",)),
    Probe("queue", "login", slurm_probes.queue, _SLURM, _ANSWERING),
    Probe("queue", "login", lsf_probes.queue, _LSF, _ANSWERING),
    Probe("walltime", "login", slurm_probes.walltime, _SLURM, (*_ANSWERING, "queue")),
    Probe("walltime", "login", lsf_probes.walltime, _LSF, _ANSWERING),
    Probe("request", "login", slurm_probes.request, _SLURM, (*_ANSWERING, "queue")),
    Probe("limits", "login", slurm_probes.job_limits, _SLURM, _ANSWERING),
    Probe("limits", "login", lsf_probes.slot_limit, _LSF, _ANSWERING),
    Probe(
        *("job", "login", job.job, BATCH_KINDS),
        needs=(*_ANSWERING, "folder"),
        slow="Submitting a probe job",
    ),
    Probe("stdin", "login", between.stdin, _LSF, _ANSWERING),
)

_NODE = {
    "python": (node_probes.python, ("python",)),
    "imports": (node_probes.imports, ("imports",)),
    "shared": (between.shared, ("shared",)),
    "visible": (between.visible, ("connect",)),
    "rename": (between.rename, ("rename",)),
    "exclusive": (between.exclusive, ("exclusive",)),
    "connect": (between.connect, ("connect",)),
    "clock": (node_probes.clock, ("connect",)),
    "interface": (node_probes.interface, ("interface",)),
    "submit": (between.submit, ("submit",)),
    "scratch": (node_probes.scratch, ("scratch",)),
    "memory": (node_probes.memory, ("memory",)),
    "cores": (node_probes.cores, ("processor",)),
    "processor": (node_probes.processor, ("processor",)),
    "threads": (node_probes.threads, ("threads",)),
    "mtcnn": (node_probes.mtcnn, ("mtcnn",)),
    "haar": (node_probes.haar, ("haar",)),
}

EXPLAINED = {"imports", "connect", "mtcnn", "haar"}
"""Facts whose errors their probes explain better than a general sentence."""

PROBES = _LOGIN + tuple(
    Probe(name, "node", answer, BATCH_KINDS, needs=("job",), facts=facts)
    for name, (answer, facts) in _NODE.items()
)
