"""Submitting to the double of LSF, and looking at what came of it."""

import re
import time


def submit(lsf, script, *options, cwd):
    """Submit a script from standard input; return its job id."""
    done = lsf.run("bsub", *options, input=script, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return re.fullmatch(r"Job <(\d+)> is submitted to .*queue <\w+>\.\n", done.stdout)[
        1
    ]


def fields(lsf, job, *names):
    done = lsf.run(
        "bjobs", "-a", "-noheader", "-o", f"{' '.join(names)} delimiter='|'", job
    )
    return done.stdout.strip("\n").split("|")


def wait_until(lsf, job, stat, seconds=20):
    deadline = time.monotonic() + seconds
    while (seen := fields(lsf, job, "stat")) != [stat]:
        assert time.monotonic() < deadline, f"{job} is {seen}, not {stat}"
        time.sleep(0.1)


def summary(text):
    """Return the last report's ten lines."""
    lines = text.rpartition("Resource usage summary:")[2].splitlines()
    pairs = [line.split(" :", 1) for line in lines if line.startswith("    ")]
    return {name.strip(): value.strip() for name, value in pairs}
