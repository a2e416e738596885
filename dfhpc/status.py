"""Status: how far a run is, read from its marks and the notes of its driver alone."""

import time
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any, TypeVar

from dfhpc import journal
from dfhpc.batch_jobs import RecordedJob, read_jobs
from dfhpc.config import Settings
from dfhpc.driver_notes import (
    AnyNote,
    ClusterNote,
    ErrorNote,
    ProgressNote,
    read_note,
    sentence_of,
)
from dfhpc.extraction.outcomes import FailedVideos, done_partitions
from dfhpc.locks import Holder, read_holder
from dfhpc.runs import RunDirectory, read_record
from dfhpc.stages import evaluate, extract, scan, search, train
from dfhpc.videos.manifest import count_videos

STALE_S = 120.0
"""What the driver has not renewed for so long is old news."""

TRIES = 3
"""A file may vanish between being listed and being read; then all is read again."""

Stage = dict[str, Any]
Found = TypeVar("Found")


def read_status(run: RunDirectory) -> dict[str, Any]:
    """Return how far each stage of a run is, who works on it, and what went wrong.

    Raises
    ------
    RunDirectoryError
        When a mark is damaged; a damaged note is a sentence under ``problems``.
    """
    return StatusReader(run).read()


class StatusReader:
    """Reads the status of a run, again and again; what never changes, once."""

    def __init__(self, run: RunDirectory) -> None:
        """Read nothing yet."""
        self._run = run
        self._failed = FailedVideos(run)
        self._num_videos: tuple[int, int] | None = None
        self._problems: list[str] = []

    def read(self) -> dict[str, Any]:
        """Return the status as it is now. Times are seconds since 1970."""
        for _ in range(TRIES - 1):
            try:
                return self._read()
            except OSError:
                time.sleep(0.1)
        return self._read()

    def _read(self) -> dict[str, Any]:
        run, now = self._run, time.time()
        self._problems = []
        settings = scan.load_settings(run)
        holder = self._beside(run.lock_path, lambda: read_holder(run.lock_path))
        working = holder if holder is not None and holder.is_alive else None
        progress = self._note(run.progress_path, ProgressNote)
        error = self._note(run.error_path, ErrorNote)
        jobs = self._beside(run.jobs_path, lambda: read_jobs(run)) or []
        report = extract.read_report(run) if extract.is_done(run) else None
        stages = self._stages(settings, report)
        is_finished = all(stage["state"] == "done" for stage in stages)
        task = _task(progress, working, now)
        _mark_current(stages, task)
        begun = self._beside(run.links_path, lambda: _begun_links(run)) or set()
        waiting = [] if is_finished else _waiting_drivers(jobs, holder, error, begun)
        is_idle = working is None and not is_finished
        has_failed = error is not None or (holder is not None and working is None)
        return {
            "t": now,
            "run_dir": str(run.path),
            "finished": is_finished,
            "working": working and _identity(working),
            "ended_driver": _ended_driver(holder, progress) if is_idle else None,
            "stages": stages,
            "task": task,
            "jobs": _cluster(self._note(run.cluster_state_path, ClusterNote), now),
            "drivers_waiting": waiting,
            "error": error and error.model_dump(mode="json"),
            "failed_for_good": is_idle and has_failed and not waiting,
            "problems": self._problems,
            "extraction": report,
        }

    def _note(self, path: Path, kind: type[AnyNote]) -> AnyNote | None:
        return self._beside(path, lambda: read_note(path, kind))

    def _beside(self, path: Path, read: Callable[[], Found]) -> Found | None:
        """Return what the driver left at ``path``; None, and a sentence, if unread."""
        try:
            return read()
        except FileNotFoundError as error:
            if path.exists():
                self._problems.append(sentence_of(error))
        except OSError as error:
            self._problems.append(sentence_of(error))
        return None

    def _stages(self, settings: Settings, report: dict[str, Any] | None) -> list[Stage]:
        run = self._run
        evaluated = run.evaluation_path.exists() and evaluate.is_done(run, settings)
        return [
            _stage("scan", int(scan.is_done(run)), 1, "manifest"),
            self._extraction(settings, report),
            *_searching(run, settings),
            _training(run, settings),
            _stage("evaluate", int(evaluated), 1, "evaluation"),
        ]

    def _extraction(self, settings: Settings, report: dict[str, Any] | None) -> Stage:
        run = self._run
        if not scan.is_done(run):
            return _stage("extract", 0, 0, "partitions") | {"state": "not begun"}
        config = settings.extract
        total = extract.planned_layout(self._count_videos(), config).num_partitions
        if report is not None:
            stage = _stage("extract", total, total, "partitions")
            return stage | {
                "failed": len(report["without_faces"]),
                "quarantined": report["quarantined"],
            }
        done = done_partitions(run, total)
        counts, unread = self._failed.count(done)
        if self._failed.damaged:
            first = run.partition_path(min(self._failed.damaged))
            self._problems.append(
                f"{len(self._failed.damaged)} marks are damaged, the first is {first}; "
                "their partitions will be extracted again."
            )
        # With all its partitions, the small arrays of the store are still to come.
        return _stage("extract", len(done), total, "partitions") | {
            "state": "begun" if done else "not begun",
            "failed": counts.total(),
            "failed_unread": unread,
            "quarantined": self._count_quarantined(config.max_deaths),
        }

    def _count_videos(self) -> int:
        path = self._run.manifest_path
        changed = path.stat().st_mtime_ns
        if self._num_videos is None or self._num_videos[0] != changed:
            self._num_videos = changed, count_videos(path)
        return self._num_videos[1]

    def _count_quarantined(self, max_deaths: int) -> int:
        path = self._run.deaths_path
        deaths = self._beside(path, lambda: read_record(path)) or {}
        counts = [count for count in deaths.values() if isinstance(count, int)]
        return sum(count >= max_deaths for count in counts)


def _stage(name: str, done: int, total: int, unit: str) -> Stage:
    state = "done" if done == total else "begun" if done else "not begun"
    return {
        "stage": name,
        "state": state,
        "done": done,
        "total": total,
        "left": total - done,
        "unit": unit,
        "failed": 0,
        "per_minute": None,
        "end_t": None,
    }


def _searching(run: RunDirectory, settings: Settings) -> list[Stage]:
    """Return the stage of search, if there is a grid to search."""
    models = search.searched(settings)
    if not models:
        return []
    done = sum(run.search_path(training.model_id).exists() for training in models)
    return [_stage("search", done, len(models), "models")]


def _training(run: RunDirectory, settings: Settings) -> Stage:
    names = train.model_ids(settings)
    done = sum(train.is_trained(run, name) for name in names)
    stage = _stage("train", done, len(names), "models")
    begun = any(_begun(run.model_dir(name)) for name in names)
    return stage | ({"state": "begun"} if begun and not done else {})


def _begun(model_dir: Path) -> bool:
    return model_dir.is_dir() and any(model_dir.iterdir())


def _identity(holder: Holder) -> dict[str, Any]:
    return {"pid": holder.pid, "host": holder.host, "job": holder.job}


def _ended_driver(
    holder: Holder | None, progress: ProgressNote | None
) -> dict[str, Any] | None:
    """Return who worked last: who died with the lock, or who noted progress."""
    if holder is not None:
        return _identity(holder)
    if progress is not None:
        return {"pid": progress.pid, "host": progress.host, "job": None}
    return None


def _task(
    progress: ProgressNote | None, working: Holder | None, now: float
) -> dict[str, Any] | None:
    """Return what is being done, with its end as far as it can be told."""
    if progress is None or working is None:
        return None
    if (progress.pid, progress.host) != (working.pid, working.host):
        # Left by an earlier driver; the one at work has not come to write yet.
        return None
    task = progress.model_dump(mode="json", exclude={"pid", "host"})
    rate = progress.recent_per_minute or progress.attempt_per_minute
    left = progress.total - progress.done
    age_s = now - progress.updated_t
    is_fresh = age_s <= max(STALE_S, 5 * 60 / rate if rate else 0.0)
    end_t = progress.updated_t + 60 * left / rate if rate and is_fresh else None
    return task | {
        "left": left,
        "per_minute": rate,
        "is_fresh": is_fresh,
        "end_t": end_t,
    }


def _mark_current(stages: list[Stage], task: dict[str, Any] | None) -> None:
    """Say at the stage under way that it is, and how fast where the units are one."""
    for stage in stages:
        if task is None or stage["stage"] != task["stage"] or stage["state"] == "done":
            continue
        stage["state"] = "working"
        if f"{task['unit']}s" == stage["unit"]:
            stage |= {"per_minute": task["per_minute"], "end_t": task["end_t"]}
            # The marks are ahead of the note by a moment.
            task |= {"done": stage["done"], "left": stage["left"]}


def _cluster(note: ClusterNote | None, now: float) -> dict[str, Any] | None:
    if note is None:
        return None
    return note.model_dump(mode="json") | {"is_stale": now - note.t > STALE_S}


def _begun_links(run: RunDirectory) -> set[str]:
    return {str(link.get("job_id")) for link in journal.read(run.links_path)}


def _waiting_drivers(
    jobs: list[RecordedJob],
    holder: Holder | None,
    error: ErrorNote | None,
    begun: Set[str],
) -> list[str]:
    """Return the jobs of drivers that are still to come, as the journal tells.

    Those of a chain start in the order of their submission, so that all up to the
    last that is known to have begun have had their turn: it holds the lock, died
    with it, left an error, or noted its start as a link.
    """
    drivers = [job for job in jobs if job.job.role == "driver"]
    had_turn = set(begun)
    if holder is not None and holder.job:
        # A lock names its batch system before the job.
        had_turn.add(holder.job.split()[-1])
    if error is not None and error.job_id:
        had_turn.add(error.job_id)
    places = [i for i, job in enumerate(drivers) if job.job.job_id in had_turn]
    if places:
        drivers = drivers[places[-1] + 1 :]
    elif error is not None:
        drivers = [job for job in drivers if job.submitted_t > error.t]
    return [job.job.job_id for job in drivers if job.ended_t is None]
