"""A folder of verdicts: JSON and a page a video, a table and a page of all.

``verdicts.jsonl`` is the truth: a line is added when a video's files are whole, and
what is said of all is made from it. So a folder can be gone on with.
"""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dfhpc import journal
from dfhpc.cluster.signals import raise_if_stopped, stop_on_signals
from dfhpc.errors import RunDirectoryError, SettingsMismatchError
from dfhpc.finding_videos import find_videos
from dfhpc.models.explaining import explain_verdict, note_explanations
from dfhpc.reporting.summary_page import (
    MOST_THUMBNAILS,
    SummaryEntry,
    summarized,
    thumbnail,
    write_summary_page,
)
from dfhpc.reporting.verdict_page import write_verdict_page
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.stages.predict import Judge, Judged
from dfhpc.verdict_document import printable
from dfhpc.verdict_table import write_table

TABLE_NAME = "verdicts.csv"
SUMMARY_NAME = "summary.html"
JOURNAL_NAME = "verdicts.jsonl"
IDENTITY_NAME = "judged_by.json"
RESERVED = frozenset({"verdicts", "judged_by", "index", "summary"})
"""Names of our own files, which no video's gets."""

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
        self._check(judge.identity())
        self._lines: dict[str, dict[str, Any]] = {
            line["key"]: line for line in journal.read(folder / JOURNAL_NAME)
        }
        self._names = {line["json"].casefold(): k for k, line in self._lines.items()}

    def _check(self, identity: dict[str, Any]) -> None:
        path = self._folder / IDENTITY_NAME
        if path.exists():
            differing = sorted(
                key
                for key, value in read_json(path).items()
                if identity.get(key) != value
            )
            if differing:
                raise SettingsMismatchError(
                    f"{self._folder} holds verdicts given otherwise (it differs in "
                    f"{', '.join(differing)}); name another folder with --out."
                )
            return
        if self._folder.is_dir() and any(self._folder.iterdir()):
            raise RunDirectoryError(
                f"{self._folder} holds other files than verdicts; name an empty or a "
                "new folder with --out."
            )
        write_json(path, identity)

    def known(self, video: Path) -> dict[str, Any] | None:
        """Return the verdict that is there on a video as it is now, None without one.

        An error is no verdict: what was lacking, as memory, may be there now.
        """
        line = self._lines.get(_key(video))
        if line is None or line["status"] == "error" or line["stamp"] != _stamp(video):
            return None
        path = self._folder / line["json"]
        if not path.is_file() or not (self._folder / line["page"]).is_file():
            return None
        found: dict[str, Any] = read_json(path)
        return found

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
        """Return what the page of all shows of each; a lost file is left out."""
        lines = list(self._lines.values())
        found = []
        for line in lines:
            path = self._folder / line["json"]
            if path.is_file():
                face = line["thumbnail"] if len(lines) <= MOST_THUMBNAILS else ""
                verdict = summarized(read_json(path))
                found.append(SummaryEntry(verdict, line["page"], face))
        return found

    def _name(self, video: Path, key: str) -> str:
        """Return the name of a video's file: the one it had, or one nobody has."""
        if key in self._lines:
            return str(self._lines[key]["json"])
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
    folder = VerdictFolder(out, judge)
    with stop_on_signals(), _counted(len(videos)) as advance:
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


def _key(video: Path) -> str:
    return printable(Path(os.path.abspath(video)))


def _stamp(video: Path) -> list[int] | None:
    """Return what tells whether a file has changed; None where there is none."""
    try:
        found = video.stat()
    except (OSError, ValueError):
        return None
    return [found.st_size, found.st_mtime_ns]
