"""What runs a job on its host: LSF's environment, limits, signals and report."""

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import time
from typing import IO

from tests.cluster.lsf_double.environment import hosts_of_job, job_environment
from tests.cluster.lsf_double.home import Home, Record
from tests.cluster.lsf_double.report import reason_line, write_report
from tests.cluster.lsf_double.sampling import Samples, descendants
from tests.cluster.lsf_double.watch import Watch

PR_SET_CHILD_SUBREAPER = 36
TICK_S = 0.1


def run(key: str, home: Home) -> int:
    """Run a job, again as long as it ends with a code of -Q; return its exit code."""
    # Orphans stay ours: they are measured, signalled and killed with the rest.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    job, request = os.environ["SLURM_JOB_ID"], home.request(key)
    while True:
        record = _run_once(job, request, home)
        if record["exit_code"] not in request["requeue_codes"] or record["reason"]:
            break
    home.note_end(job, record)
    return record["exit_code"]


def _run_once(job: str, request: Record, home: Home) -> Record:
    hosts = hosts_of_job(request["slots"])
    names = [f"{count}*{name}" if count > 1 else name for name, count in hosts]
    started = time.time()
    home.note_start(job, {"hosts": names, "started": started})
    samples, watch = Samples(home.settings.sample_s), Watch(job, request, home)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_open_output(job, request["output"], home))
        error = _open(job, request["error"])
        process = subprocess.Popen(
            _command(job, request, home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=stack.enter_context(error) if error else output,
            env=job_environment(job, request, hosts, home),
            start_new_session=True,
        )
        code = _keep(process, samples, watch)
        # Who was told to end and ended well is done.
        reason = watch.reason if code else None
        record = {
            "hosts": names,
            "cluster": home.settings.cluster,
            "started": started,
            "ended": time.time(),
            "exit_code": code,
            "reason": reason,
            "exit_reason": reason and reason_line(reason),
            "error": error and error.name,
        }
        # In one piece, after all that the job has written.
        output.write(write_report(job, request, record, samples.figures()))
    return record


def _keep(process: subprocess.Popen[bytes], samples: Samples, watch: Watch) -> int:
    """Watch over a job until its first process ends; then end the others."""
    code = None
    # Told by SLURM to end, so that the report is still written.
    signal.signal(signal.SIGTERM, lambda *_: watch.told_to_end())
    while code is None:
        time.sleep(TICK_S)
        used_mb = samples.take()
        watch.act(used_mb)
        code = _reap(process.pid)
    process.returncode = code
    while descendants():
        watch.send(signal.SIGKILL)
        _reap(process.pid)
        time.sleep(0.01)
    return code if code >= 0 else 128 - code


def _reap(first: int) -> int | None:
    """Collect all that has ended; return how the first process did."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == first:
            code = os.waitstatus_to_exitcode(status)


def _command(job: str, request: Record, home: Home) -> list[str]:
    if not request["is_script"]:
        return ["/bin/sh", "-c", request["text"]]
    path = home.spool(f"{job}.shell")
    path.write_text(request["text"])
    path.chmod(0o700)
    if request["text"].startswith("#!"):
        # The shell says so where there is no such interpreter.
        return ["/bin/sh", "-c", f"exec {shlex.quote(str(path))}"]
    return ["/bin/sh", str(path)]


def _open_output(job: str, file: list[str] | None, home: Home) -> IO[str]:
    """Open a job's output; LSF mails what has no file, the double keeps it."""
    return _open(job, file) or home.spool(f"{job}.mail").open("a")


def _open(job: str, file: list[str] | None) -> IO[str] | None:
    if file is not None:
        with contextlib.suppress(OSError):
            return open(file[0].replace("%J", job), file[1])
    return None
