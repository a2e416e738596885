"""What a run used, as plain text: LSF's ten lines, its batch jobs, and advice."""

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

MOST_JOBS = 50
"""More are in the JSON."""

GIBIBYTE = 1024**3


def usage_text(report: Mapping[str, Any]) -> str:
    """Return the usage of stages and run; of batch jobs where there are any."""
    if report["run"] is None and not report["jobs"]:
        return "Nothing has been sampled yet."
    blocks = [
        *(_summary(name, used) for name, used in report["stages"].items()),
        *([] if report["run"] is None else [_summary("whole run", report["run"])]),
    ]
    if report["jobs"]:
        blocks += _job_blocks(report)
    return "\n\n".join(blocks)


def _summary(name: str, used: Mapping[str, Any]) -> str:
    return "\n".join([name, "", "Resource usage summary:", "", *used["lsf"]])


def _job_blocks(report: Mapping[str, Any]) -> list[str]:
    """Return the table of jobs, the sums by role, and the advice."""
    accounting = report["accounting"]
    sources = ", ".join(accounting["sources"])
    title = f"Batch jobs, by {sources}" if sources else "Batch jobs"
    blocks = [_headed(title, _job_table(report["jobs"]))]
    blocks += [f"Not all is known: {problem}." for problem in accounting["problems"]]
    sums = [_role_text(role, used) for role, used in report["efficiency"].items()]
    blocks.append("\n".join(sums))
    if report["advice"]:
        lines = [_advice_text(advice) for advice in report["advice"]]
        lines += ["", "A guess from these jobs: other videos may need more."]
        blocks.append(_headed("What to ask for next time", "\n".join(lines)))
    return blocks


def _headed(title: str, text: str) -> str:
    return f"{title}\n{'=' * len(title)}\n\n{text}"


def _job_table(jobs: Sequence[Mapping[str, Any]]) -> str:
    header = ["job", "role", "node", "state", "waited", "elapsed", "CPU of cores"]
    header += ["memory of asked", "sampled CPU", "sampled memory"]
    rows = [_job_row(job) for job in jobs[-MOST_JOBS:]]
    table = str(tabulate(rows, headers=header, disable_numparse=True))
    hidden = len(jobs) - len(rows)
    return f"{table}\n\n{hidden} earlier jobs: see --json" if hidden else table


def _job_row(job: Mapping[str, Any]) -> list[str]:
    sampled = job["sampled"] or {"cpu_s": None, "max_rss_bytes": None}
    requested = job["requested_bytes"]
    asked = None if requested is None else _gibibytes(requested)
    return [
        job["job_id"],
        job["role"],
        job["node"] or "-",
        job["state"] or ("ended" if job["is_ended"] else "not ended"),
        _clock(job["wait_s"]),
        _clock(job["elapsed_s"]),
        _of(job["cpu_share"], None if job["cores"] is None else str(job["cores"])),
        _of(job["memory_share"], asked),
        _clock(sampled["cpu_s"]),
        _gibibytes(sampled["max_rss_bytes"]),
    ]


def _of(share: float | None, whole: str | None) -> str:
    """Return a share and what it is of."""
    return _percent(share) + ("" if whole is None else f" of {whole}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _gibibytes(size: float | None) -> str:
    return "-" if size is None else f"{size / GIBIBYTE:.2f} GiB"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _role_text(role: str, used: Mapping[str, Any]) -> str:
    """Return one line on all jobs of a role."""
    jobs = f"{used['jobs']} {role} job" + ("" if used["jobs"] == 1 else "s")
    parts = [f"{jobs}, {used['ended']} ended"]
    if used["cpu_share"] is not None:
        hours = used["core_s"] / 3600
        parts.append(f"CPU {_percent(used['cpu_share'])} of {hours:.2f} core hours")
    if used["max_memory_share"] is not None:
        parts.append(f"memory at most {_percent(used['max_memory_share'])} of asked")
    if used["mean_wait_s"] is not None:
        mean, most = _clock(used["mean_wait_s"]), _clock(used["max_wait_s"])
        parts.append(f"waited {mean} on average, {most} at most")
    return "; ".join(parts)


def _advice_text(advice: Mapping[str, Any]) -> str:
    """Return one line: the key with its value, what was asked, and why."""
    value, asked = advice["value"], advice["asked_value"]
    written = value if value.isdecimal() else f'"{value}"'
    setting = f"{advice['key']} = {written}"
    was = "as now" if asked == value else f"now {asked}" if asked else "not set now"
    return f"{advice['role']}: {setting}  ({was}; {advice['why']})"
