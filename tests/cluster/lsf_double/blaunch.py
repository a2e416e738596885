"""`blaunch -z HOST COMMAND ...`: a task on a host of this job."""

import os
import sys
from pathlib import Path

from tests.cluster.lsf_double.home import OF_SLURM, Home

MAIN = Path(__file__).with_name("main.py")


def run(arguments: list[str], home: Home) -> int:
    """Become a step of SLURM that runs the command, with what it prints and returns."""
    job = os.environ.get("LSB_JOBID")
    if job is None:
        return _refuse("blaunch: this command must be run in a job.")
    if len(arguments) < 3 or arguments[0] != "-z":
        return _refuse("usage: blaunch -z host_name command [argument ...]")
    hosts, command = arguments[1].split(), arguments[2:]
    strangers = set(hosts) - set(os.environ["LSB_HOSTS"].split())
    if strangers or len(hosts) != 1:
        return _refuse(f"blaunch: {arguments[1]}: not one host of this job.")
    step = ["srun", f"--jobid={job}", "--nodes=1", "--ntasks=1", "--overlap"]
    step += [f"--nodelist={hosts[0]}", "--quiet"]
    # The task is not to see that it is a step of SLURM.
    step += [sys.executable, str(MAIN), str(home.folder), "launched", *command]
    environment = os.environ | {"SLURM_CONF": home.settings.slurm_conf}
    return os.execvpe("srun", step, environment)


def become(command: list[str]) -> None:
    """Become the command of a task, in the environment of the job."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_SLURM)}
    os.execvpe(command[0], command, kept)


def _refuse(words: str) -> int:
    print(words, file=sys.stderr)
    return 255
