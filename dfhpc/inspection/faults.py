"""What a run has come through: attempts, deaths, lost jobs, warnings."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from dfhpc import journal
from dfhpc.batch_jobs import read_jobs
from dfhpc.driver_notes import ClusterNote, ErrorNote, read_note, sentence_of
from dfhpc.errors import RunDirectoryError
from dfhpc.runs import RunDirectory, read_record
from dfhpc.usage.samples import Samples

MOST_LINES = 60
"""Of the log; the last ones."""

_LINE = re.compile(r"^(\S+ \S+) (WARNING|ERROR|CRITICAL) (.*)")


def read_faults(run: RunDirectory, samples: Samples, max_deaths: int) -> dict[str, Any]:
    """Return what went wrong and was got over, as JSON values.

    ``attempts`` at each stage, ``drivers`` and ``links`` of a chain that worked on
    the run, ``deaths`` of workers by the video they read, ``jobs`` by role and how
    they ended, ``lost`` workers of the last driver, ``warnings`` of the log, the
    ``error`` that ended the last command, and ``problems`` in reading all this.
    """
    problems: list[str] = []
    deaths = _deaths(run, problems)
    warnings = _warnings(run.logs_dir / "driver.log")
    whole = [s for s in samples.spans if not s.stage.startswith("train ")]
    cluster = _note(run.cluster_state_path, ClusterNote, problems)
    error = _note(run.error_path, ErrorNote, problems)
    return {
        "attempts": dict(Counter(span.stage for span in whole)),
        "drivers": sum(series.role == "driver" for series in samples.series),
        "hosts": len({series.host for series in samples.series}),
        "links": sum(1 for _ in journal.read(run.links_path)),
        "deaths": deaths,
        "max_deaths": max_deaths,
        "jobs": _jobs(run),
        "lost": None if cluster is None else cluster.workers.lost,
        "excluded_nodes": [] if cluster is None else list(cluster.excluded_nodes),
        "warnings": warnings[-MOST_LINES:],
        "num_warnings": len(warnings),
        "error": None if error is None else error.model_dump(mode="json"),
        "problems": problems,
    }


def _deaths(run: RunDirectory, problems: list[str]) -> dict[str, int]:
    if not run.deaths_path.exists():
        return {}
    try:
        found = read_record(run.deaths_path)
    except RunDirectoryError as error:
        problems.append(str(error))
        return {}
    return {name: n for name, n in sorted(found.items()) if isinstance(n, int)}


def _note(path: Path, kind: Any, problems: list[str]) -> Any:
    try:
        return read_note(path, kind)
    except (RunDirectoryError, OSError) as error:
        problems.append(sentence_of(error))
        return None


def _jobs(run: RunDirectory) -> list[dict[str, Any]]:
    counts = Counter(
        (each.job.role, each.how or "no end noted") for each in read_jobs(run)
    )
    return [
        {"role": role, "how": how, "jobs": count}
        for (role, how), count in sorted(counts.items())
    ]


def _warnings(path: Path) -> list[dict[str, str]]:
    """Return the lines of a log that are more than information."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = (_LINE.match(line) for line in text.splitlines())
    return [{"at": m[1], "level": m[2], "message": m[3]} for m in found if m]
