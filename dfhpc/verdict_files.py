"""A folder of verdicts: JSON and a page a video, a table and a page of all.

``verdicts.jsonl`` is the truth: a line is added when a video's files are whole, and
what is said of all is made from it. So a folder can be gone on with.
"""

import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dfhpc import journal
from dfhpc.cluster.driver import job_lives, own_job
from dfhpc.cluster.signals import raise_if_stopped, request_stop, stop_on_signals
from dfhpc.errors import RunDirectoryError, SettingsMismatchError
from dfhpc.finding_videos import find_videos
from dfhpc.locks import hold
from dfhpc.models.explaining import explain_verdict, note_explanations
from dfhpc.reporting.summary_page import (
    MOST_THUMBNAILS,
    SummaryEntry,
    summarized,
    thumbnail,
    write_summary_page,
)
from dfhpc.reporting.verdict_page import write_verdict_page
from dfhpc.runs import RunDirectory, read_record, write_json
from dfhpc.stages.predict import Judge, Judged
from dfhpc.verdict_document import printable, schema
from dfhpc.verdict_table import COLUMNS, write_table

logger = logging.getLogger(__name__)

TABLE_NAME = "verdicts.csv"
SUMMARY_NAME = "summary.html"
JOURNAL_NAME = "verdicts.jsonl"
IDENTITY_NAME = "judged_by.json"
LOCK_NAME = "verdicts.lock"
RESERVED = frozenset({"verdicts", "judged_by", "index", "summary"})
"""Names of our own files, which no video's gets."""

_LINE_KEYS = frozenset({"key", "stamp", "thumbnail", *COLUMNS})
_TEXT_KEYS = ("key", "json", "page", "path", "status", "thumbnail")

_LONGEST = 120
"""Bytes of a name: file systems take 255, and our own endings have 60."""


class VerdictFolder:
    """Verdicts on disk, all by the same models and rules."""

    def __init__(self, folder: Path, judge: Judge) -> None:
        """Begin the folder, or go on with it.

        Raises
        ------
        SettingsMismatchError
            When it holds verdicts of another run, model or rule.
        RunDirectoryError
            When it holds other files.
        """
        self._folder = folder
        self._models = judge.models
        self._keys = frozenset(schema()["required"])
        records = list(journal.read(folder / JOURNAL_NAME))
        self._lines = {line["key"]: line for line in records if _is_whole(line)}
        self._names: dict[str, str] = {}
        for key, line in self._lines.items():
            self._names.setdefault(line["json"].casefold(), key)
        self._check(judge.identity(), is_empty=not records)

    def _check(self, identity: dict[str, Any], *, is_empty: bool) -> None:
        path = self._folder / IDENTITY_NAME
        if not path.exists():
            self._refuse_other_files()
        elif not is_empty:
            self._refuse_difference(read_record(path), identity)
            return
        # A folder that holds no verdict yet is free for those of another model.
        write_json(path, identity)

    def _refuse_other_files(self) -> None:
        names = [path.name for path in self._folder.glob("*")]
        if any(not name.lstrip(".").startswith(LOCK_NAME) for name in names):
            raise RunDirectoryError(
                f"{self._folder} holds other files than verdicts; name an empty or a "
                "new folder with --out."
            )

    def _refuse_difference(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        differing = sorted(k for k in old.keys() | new if old.get(k) != new.get(k))
        if differing:
            raise SettingsMismatchError(
                f"{self._folder} holds verdicts given otherwise (it differs in "
                f"{', '.join(differing)}); name another folder with --out."
            )

    def known(self, video: Path) -> dict[str, Any] | None:
        """Return the verdict that is there on a video as it is now, None without one.

        An error is no verdict: what was lacking, as memory, may be there now.
        """
        line = self._lines.get(_key(video))
        if line is None or line["status"] == "error" or line["stamp"] != _stamp(video):
            return None
        if not (self._folder / line["page"]).is_file():
            return None
        return self._read(line)

    def _read(self, line: dict[str, Any]) -> dict[str, Any] | None:
        """Return the verdict that a line is about; None where its file is not that."""
        path = self._folder / line["json"]
        if not path.is_file():
            return None
        try:
            found = read_record(path, *self._keys)
        except RunDirectoryError:
            return None
        own = isinstance(found["input"], dict) and found["input"].get("sha256")
        is_its = (found["path"], own) == (line["path"], line["sha256"])
        return found if is_its else None

    def add(self, video: Path, judged: Judged, seconds: float) -> dict[str, Any]:
        """Write a verdict with its page, and return it with what each model used.

        Each file is whole or absent, and the line on them comes last.
        """
        key = _key(video)
        name = self._name(video, key)
        page = f"{name.removesuffix('.json')}.html"
        found = explain_verdict(judged.verdict, judged.faces, self._models)
        verdict = note_explanations(judged.verdict, found)
        write_verdict_page(self._folder / page, verdict, judged.faces, found)
        write_json(self._folder / name, verdict)
        line = {
            "key": key,
            "stamp": _stamp(video),
            "json": name,
            "page": page,
            "status": verdict["status"],
            "reasons": " ".join(reason["code"] for reason in verdict["reasons"]),
            "probability": verdict["probability"] and verdict["probability"]["value"],
            "score": verdict["score"],
            "faces": verdict["frames_scored"],
            "path": verdict["path"],
            "sha256": verdict["input"]["sha256"],
            "seconds": round(seconds, 3),
            "thumbnail": thumbnail(verdict, judged.faces),
        }
        journal.append(self._folder / JOURNAL_NAME, line)
        self._lines[key] = line
        self._names[name.casefold()] = key
        return verdict

    def finish(self) -> None:
        """Write the table and the page of all verdicts that are there."""
        write_table(self._folder / TABLE_NAME, self._lines.values())
        write_summary_page(self._folder / SUMMARY_NAME, self._entries())

    def _entries(self) -> list[SummaryEntry]:
        """Return what the page of all shows of each; what is lost is left out."""
        lines = list(self._lines.values())
        found = []
        for line in lines:
            verdict = self._read(line)
            if verdict is not None:
                face = line["thumbnail"] if len(lines) <= MOST_THUMBNAILS else ""
                found.append(SummaryEntry(summarized(verdict), line["page"], face))
        return found

    def _name(self, video: Path, key: str) -> str:
        """Return the name of a video's file: the one it had, or one nobody has."""
        known = self._lines.get(key)
        if known is not None and self._names[known["json"].casefold()] == key:
            return str(known["json"])
        name = safe_name(video.stem)
        if f"{name}.json".casefold() in self._names or name.casefold() in RESERVED:
            digest = hashlib.sha256(key.encode()).hexdigest()
            name = f"{name}-{digest[:12]}"
        return f"{name}.json"


def judge_videos(
    run: RunDirectory, model: str | None, paths: Sequence[Path], out: Path | None
) -> Iterator[dict[str, Any]]:
    """Yield the verdict on each video; with ``out``, write it there first.

    Raises
    ------
    StoppedError
        When a stop is requested; what is judged is kept in ``out``.
    RunLockedError
        When another command writes to ``out``.
    """
    videos = find_videos(paths)
    judge = Judge(run, model)
    if out is None:
        with _counted(len(videos)) as advance:
            for video in videos:
                verdict = judge.judge(video).verdict
                advance(1)
                yield verdict
        return
    with stop_on_signals(), held(out), _counted(len(videos)) as advance:
        folder = VerdictFolder(out, judge)
        for verdict in judge_into(folder, judge, videos):
            advance(1)
            yield verdict


def judge_into(
    folder: VerdictFolder, judge: Judge, videos: Sequence[Path]
) -> Iterator[dict[str, Any]]:
    """Yield the verdict on each video, one that is there already as it is.

    The table is written at the end, also where the work is stopped before.
    """
    try:
        for video in videos:
            raise_if_stopped()
            verdict = folder.known(video)
            if verdict is None:
                began = time.monotonic()
                judged = judge.judge(video)
                verdict = folder.add(video, judged, time.monotonic() - began)
            yield verdict
    finally:
        folder.finish()


def held(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Hold a folder of verdicts, so that no two commands give a name twice."""

    def on_lost() -> None:
        logger.error("Another command has taken %s; this one stops.", folder)
        request_stop()

    return hold(folder / LOCK_NAME, own_job(), job_lives, on_lost)


@contextlib.contextmanager
def _counted(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far the work is, where there is more than one video."""
    if total < 2:
        yield lambda count: None
        return
    # It takes a tenth of a second to import, and one verdict does without it.
    from dfhpc.reporting.progress import progress

    with progress("Judging", total, "video") as advance:
        yield advance


def safe_name(stem: str) -> str:
    r"""Return a name that every file system and shell takes, like ``stem``.

    >>> safe_name("my clip (1)"), safe_name("-rf"), safe_name("..")
    ('my_clip_1', 'rf', 'video')
    """
    safe = re.sub(r"[^\w.-]+", "_", stem).encode()[:_LONGEST]
    return safe.decode(errors="ignore").strip("._-") or "video"


def _is_whole(line: dict[str, Any]) -> bool:
    """Whether a line of the journal has all that is read of it."""
    if not line.keys() >= _LINE_KEYS:
        return False
    texts = [line[name] for name in _TEXT_KEYS]
    if not all(isinstance(text, str) for text in texts):
        return False
    # Files of the folder alone are read, and written again.
    return all(Path(line[name]).name == line[name] for name in ("json", "page"))


def _key(video: Path) -> str:
    return printable(Path(os.path.abspath(video)))


def _stamp(video: Path) -> list[int] | None:
    """Return what tells whether a file has changed; None where there is none."""
    try:
        found = video.stat()
    except (OSError, ValueError):
        return None
    return [found.st_size, found.st_mtime_ns]
