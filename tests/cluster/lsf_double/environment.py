"""The environment of a job: the submitter's, with LSF's words and none of SLURM's."""

import os

from tests.cluster.lsf_double.home import OF_SLURM, Home, Record

Hosts = list[tuple[str, int]]


def hosts_of_job(slots: int) -> Hosts:
    """Return the hosts of this job of SLURM with their slots."""
    tasks = os.environ["SLURM_TASKS_PER_NODE"]
    if os.environ["SLURM_NTASKS"] == "1":
        return [(os.environ["SLURMD_NODENAME"], slots)]
    counts: list[int] = []
    for part in tasks.split(","):
        count, _, times = part.rstrip(")").partition("(x")
        slots_each = int(count) * int(os.environ.get("SLURM_CPUS_PER_TASK", "1"))
        counts += [slots_each] * int(times or 1)
    return list(zip(_expand(os.environ["SLURM_JOB_NODELIST"]), counts, strict=True))


def _expand(nodes: str) -> list[str]:
    """Return the names in SLURM's short form of a list.

    >>> _expand("n[1-2,4]"), _expand("n3")
    (['n1', 'n2', 'n4'], ['n3'])
    """
    stem, _, ranges = nodes.rstrip("]").partition("[")
    if not ranges:
        return [nodes]
    found = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        found += [f"{stem}{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def job_environment(
    job: str, request: Record, hosts: Hosts, home: Home
) -> dict[str, str]:
    """Return what the job of LSF sees."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_SLURM)}
    slots = [name for name, count in hosts for _ in range(count)]
    host_file = home.spool(f"{job}.hosts")
    host_file.write_text("".join(f"{name}\n" for name in slots))
    names = {
        "LSB_JOBID": job,
        "LSB_BATCH_JID": job,
        "LSB_JOBINDEX": "0",
        "LSB_JOBNAME": request["name"],
        "LSB_PROJECT_NAME": request["project"],
        "LSB_QUEUE": request["queue"],
        "LSB_HOSTS": " ".join(slots),
        "LSB_MCPU_HOSTS": " ".join(f"{name} {count}" for name, count in hosts),
        "LSB_DJOB_HOSTFILE": str(host_file),
        "LSB_DJOB_NUMPROC": str(len(slots)),
        "LSB_MAX_NUM_PROCESSORS": str(len(slots)),
        "LSB_SUB_HOST": request["host"],
        "LSB_SUB_USER": request["user"],
        "LS_SUBCWD": request["cwd"],
        "LSFUSER": request["user"],
    }
    files = {"LSB_OUTPUTFILE": request["output"], "LSB_ERRORFILE": request["error"]}
    names |= {name: file[0] for name, file in files.items() if file}
    if os.environ.get("SLURM_RESTART_COUNT", "0") != "0":
        names["LSB_RESTART"] = "Y"
    return kept | names
