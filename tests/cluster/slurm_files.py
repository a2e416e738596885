"""What a SLURM of one host reads: its configuration, its ports, its programs."""

import contextlib
import os
import pwd
import random
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

NODES = ("n1", "n2", "n3")
CPUS_PER_NODE = 2
MEMORY_MB_PER_NODE = 6000

PACKAGES = "slurm-wlm slurmdbd munge mariadb-server"
PROGRAMS = (
    *("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd"),
    *("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr"),
)

SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin"]
)
"""Debian keeps the daemons where only root's PATH looks."""

SLURM_CONF = """\
ClusterName=dfhpc
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SwitchType=switch/none
MpiDefault=none
# Several nodes on one host: no cgroups, no bound processors, sizes as claimed.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerNode=500
# Sampled each second, so that short jobs have figures and a limit bites at once.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd_port}
AccountingStoragePass={folder}/munge.socket
# Faults show in seconds, and jobs start in one.
SlurmdTimeout=10
SlurmctldTimeout=10
MessageTimeout=5
KillWait=5
MinJobAge=60
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
JobRequeue=0
ReturnToService=2
# See SlurmSite.break_node.
TaskProlog={folder}/task_prolog
SlurmctldDebug=info
SlurmdDebug=info
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 DefaultTime=60 State=UP
PartitionName=short Nodes=ALL MaxTime=2 DefaultTime=2 State=UP
"""

NODE_LINE = (
    "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port}"
    " CPUs={cpus} RealMemory={memory} State=UNKNOWN"
)

SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={slurmdbd_port}
SlurmUser={user}
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct_db
DebugLevel=info
"""

# Named, because slurmd would else look for control groups, which a container may hide,
# and end. No plugin of ours uses them.
CGROUP_CONF = "CgroupPlugin=cgroup/v1\n"

# A batch script's task ends here with an error, as on a node whose file system or
# driver is gone: the job is FAILED within a second and the node stays in service.
TASK_PROLOG = """\
#!/bin/sh
test ! -e '{folder}/broken/'"$SLURMD_NODENAME"
"""


def find_program(name: str) -> str | None:
    """Return the path of a program, the folders of daemons included."""
    return shutil.which(name, path=SEARCH_PATH)


def missing_programs() -> str:
    """Return why no site can start, or an empty text."""
    missing = [name for name in PROGRAMS if find_program(name) is None]
    if not missing:
        return ""
    return (
        f"a real SLURM needs {', '.join(missing)}; on Debian:"
        f" apt-get install --no-install-recommends {PACKAGES}"
    )


def write_files(folder: Path) -> None:
    """Write the configuration of a site into an empty folder."""
    for name in ("state", "spool", "broken"):
        (folder / name).mkdir()
    ports = free_ports(2 + len(NODES))
    values = {
        "folder": folder,
        "host": socket.gethostname(),
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "slurmctld_port": next(ports),
        "slurmdbd_port": next(ports),
        "nodes": "\n".join(_node_lines(ports)),
    }
    _write(folder / "slurm.conf", SLURM_CONF.format(**values), 0o644)
    _write(folder / "cgroup.conf", CGROUP_CONF, 0o644)
    # slurmdbd refuses a file that others may read.
    _write(folder / "slurmdbd.conf", SLURMDBD_CONF.format(**values), 0o600)
    _write(folder / "task_prolog", TASK_PROLOG.format(**values), 0o755)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))


def _node_lines(ports: Iterable[int]) -> list[str]:
    sizes = {"cpus": CPUS_PER_NODE, "memory": MEMORY_MB_PER_NODE}
    return [
        NODE_LINE.format(name=name, port=port, **sizes)
        for name, port in zip(NODES, ports, strict=False)
    ]


def _write(path: Path, text: str, mode: int) -> None:
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_text(text)


def free_ports(count: int) -> Iterator[int]:
    """Yield ports nobody listens at, below those given to outgoing connections."""
    for port in random.SystemRandom().sample(range(20000, 32000), 12000):
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        yield port
        count -= 1
        if count == 0:
            return
