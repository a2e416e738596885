"""Probes of what SLURM allows: queues, walltimes, requests, numbers of jobs."""

import getpass

from dfhpc.cluster.batch import run_command
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.slurm import Slurm
from dfhpc.cluster.slurm_queues import longest, read_queues, resolve
from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.limits import judge_limit, judge_walltimes
from dfhpc.doctor.visit import Visit
from dfhpc.errors import BatchError
from dfhpc.submission import driver_request


def _wanted(visit: Visit) -> dict[str, str | None]:
    """Return by role the queue that jobs would be sent to, None for the default."""
    config = visit.cluster
    return {"driver": config.driver_queue or config.queue, "worker": config.queue}


def queue(visit: Visit) -> Outcome:
    """Say whether the queues of the recipe exist, and are up."""
    queues = read_queues()
    known = ", ".join(queues)
    shown = []
    for name in dict.fromkeys(_wanted(visit).values()):
        found = resolve(name, queues)
        if not found:
            what = f"no queue {name}" if name else "no default queue"
            return failure(
                f"There is {what}; there are {known}.", "cluster.queue = one of them"
            )
        if not any(one.is_up for one in found):
            return failure(
                f"Queue {found[0].name} is down.", f"cluster.queue = one of {known}"
            )
        shown += [one.name for one in found]
    return ok(f"Jobs will wait in {', '.join(dict.fromkeys(shown))}, which is up.")


def walltime(visit: Visit) -> Outcome:
    """Hold the walltimes against what the queues allow."""
    queues = read_queues()
    config = visit.cluster
    asked = {"worker": config.worker_walltime_s, "driver": config.walltime}
    limits = {}
    for role, name in _wanted(visit).items():
        if (found := longest(name, queues)) is not None:
            limits[role] = found
    return judge_walltimes(
        asked, {role: (one.name, one.walltime_s) for role, one in limits.items()}
    )


def request(visit: Visit) -> Outcome:
    """Let SLURM test the jobs of a driver and of a worker, without taking them."""
    if visit.workspace is None:
        return skipped("There is no folder for the jobs' output.")
    worker = Launch(visit.run, visit.job_config).request("dfhpc-doctor-w")
    driver = driver_request(visit.run, visit.cluster, None)
    requests = {"driver": driver, "worker": worker}
    if visit.cluster.workers_in_job:
        del requests["worker"]
    for role, asked in requests.items():
        if refusal := Slurm(visit.job_config).refusal(asked):
            return failure(
                f"SLURM would refuse the {role}'s job: {refusal}",
                "change queue, account, cores, memory or extra_directives of [cluster]",
            )
    return ok(f"SLURM would take the jobs of {' and '.join(requests)} as asked for.")


def job_limits(visit: Visit) -> Outcome:
    """Say whether this user may have so many jobs at a time."""
    try:
        accounts, rows = _limits(visit)
    except BatchError as error:
        return skipped(f"sacctmgr does not tell the limits: {error}")
    account = visit.cluster.account
    if account is not None and accounts and account not in accounts:
        return warning(
            f"SLURM's accounting knows no account {account} of yours.",
            f"cluster.account = one of {', '.join(accounts)}",
        )
    return judge_limit(
        visit,
        running=[int(x) for row in rows for x in row[:2] if x.isdecimal()],
        submitted=[int(x) for row in rows for x in row[2:] if x.isdecimal()],
        source="sacctmgr show assoc, or qos",
    )


def _limits(visit: Visit) -> tuple[list[str], list[list[str]]]:
    """Return this user's accounts, and rows of limits: two of running jobs, two of all.

    Raises
    ------
    BatchError
        When accounting does not answer.
    """
    fields = "MaxJobs,GrpJobs,MaxSubmit,GrpSubmit"
    mine = ("where", f"user={getpass.getuser()}")
    config = visit.cluster
    rows = []
    accounts = []
    names: set[str] = set()
    for *numbers, account, its_queue, default, allowed in _sacctmgr(
        "assoc", *mine, f"format={fields},Account,Partition,DefaultQOS,QOS"
    ):
        accounts.append(account)
        if config.account in (None, account) and its_queue in ("", config.queue):
            names.add(default or allowed.split(",")[0])
            rows.append(numbers)
    for line in config.extra_directives:
        if line.startswith("--qos="):
            names = {line.removeprefix("--qos=")}
    fields = "MaxJobsPU,GrpJobs,MaxSubmitPU,GrpSubmit,Name"
    rows += [row[:4] for row in _sacctmgr("qos", f"format={fields}") if row[4] in names]
    return list(dict.fromkeys(accounts)), rows


def _sacctmgr(*words: str) -> list[list[str]]:
    command = ("sacctmgr", "--noheader", "--parsable2", "show", *words)
    printed = run_command(command, timeout_s=20)
    return [line.split("|") for line in printed.splitlines() if line.strip()]
