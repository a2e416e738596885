"""What the probe job is told, and the script that it is."""

import dataclasses
import secrets
import shlex
from pathlib import Path
from typing import Any

from dfhpc.cluster.batch import JobRequest, Submission
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.tls import make_security
from dfhpc.doctor.batch_probes import system_of
from dfhpc.doctor.network import own_address
from dfhpc.doctor.node_facts import SCRATCH
from dfhpc.doctor.visit import Visit
from dfhpc.runs import write_json

ORDER = "order.json"
ARRIVED = "arrived"
NO_PYTHON = "no-python"

LONGEST_S = 900
"""The probe job's walltime: from a busy file server libraries load slowly."""


def security_files(visit: Visit) -> dict[str, str]:
    """Write keys as a driver does; return their paths, none where TLS is off."""
    if visit.cluster.tls is False:
        return {"certificate": "", "key": ""}
    security = make_security(visit.run)
    return {
        "certificate": str(security.tls_ca_file),
        "key": str(security.tls_worker_key),
    }


def write_order(visit: Visit, folder: Path, port: int, keys: dict[str, str]) -> str:
    """Write the order and return its token."""
    system = system_of(visit)
    token = secrets.token_hex(16)
    order: dict[str, Any] = {
        "facts": visit.facts,
        "token": token,
        "host": own_address(visit.cluster.interface),
        "port": port,
        **keys,
        "interface": visit.cluster.interface,
        "commands": system.commands,
        "test": _test_of_submission(visit),
    }
    write_json(folder / ORDER, order)
    return token


def _test_of_submission(visit: Visit) -> dict[str, Any]:
    """Return a command that shows on the node whether jobs are taken from there."""
    if visit.cluster.kind == "lsf":
        # LSF has no dry run; that it answers is all that can be asked.
        return {"command": ["bjobs", "-a", "-noheader", "-o", "jobid"], "script": ""}
    request = probe_request(visit, "dfhpc-doctor-test")
    submission = system_of(visit).submission(request, "true")
    return {
        "command": [*submission.command, "--test-only"],
        "script": submission.script,
    }


def probe_request(visit: Visit, name: str) -> JobRequest:
    """Return what is asked for the probe job: a worker's job, but for its walltime."""
    request = Launch(visit.run, visit.job_config).request(name)
    walltime = min(LONGEST_S, request.walltime_s)
    return dataclasses.replace(request, walltime_s=walltime)


def output_path(visit: Visit, name: str, job_id: str) -> Path:
    """Return the file of what the probe job prints."""
    return Launch(visit.run, visit.job_config).output_of(name, job_id)


def probe_submission(visit: Visit, folder: Path, name: str) -> Submission:
    """Return what submits the probe job.

    Its shell leaves two signs of how far it came, for the case that Python does
    not start.
    """
    config = visit.cluster
    launch = Launch(visit.run, visit.job_config)
    python = shlex.quote(visit.python)
    command = [visit.python, "-m", "dfhpc.doctor.node", str(folder / ORDER)]
    lines = [
        f"touch {shlex.quote(str(folder / ARRIVED))}",
        *config.setup,
        f"export DFHPC_CORES={config.cores}",
        f'export {SCRATCH}="{launch.scratch}"',
        f"test -x {python} || touch {shlex.quote(str(folder / NO_PYTHON))}",
        f"exec {shlex.join(command)}",
    ]
    return launch.system.submission(probe_request(visit, name), "\n".join(lines))
