"""Folders of verdicts: names, tables, resuming, refusals; with a judge that is none."""

import csv
import json
import os
import socket
from urllib.parse import quote

import numpy as np
import pytest

from dfhpc import verdict_files
from dfhpc.cluster import signals
from dfhpc.errors import (
    ModelError,
    RunDirectoryError,
    RunLockedError,
    SettingsMismatchError,
    StoppedError,
)
from dfhpc.finding_videos import find_videos
from dfhpc.stages.predict import Judged
from dfhpc.verdict_files import (
    VerdictFolder,
    held,
    judge_into,
    judge_videos,
    safe_name,
)
from tests.verdict_dicts import make_crops, make_verdict
from tests.verdict_schema import validate


class FlatModel:
    """Finds every face as fake as any other."""

    def score(self, rows):
        return np.full(len(rows), 0.9)


class InventedJudge:
    """Says what it is told, and notes whom it judged."""

    def __init__(self, model="svm", statuses=None):
        self._model = model
        self._statuses = statuses or {}
        self.models = {model: FlatModel()}
        self.judged = []

    def identity(self):
        return {"models": {self._model: "digest"}, "decides": self._model}

    def judge(self, path):
        self.judged.append(path.name)
        status = self._statuses.get(path.name, "fake")
        verdict = make_verdict(status, models=(self._model,), path=str(path))
        return Judged(verdict, make_crops(verdict))


@pytest.fixture
def data(tmp_path):
    names = ["a/clip.mp4", "b/clip.mp4", "ü b.MOV", "notes.txt", "-rf.avi", ".h.mp4"]
    for name in names:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "data"


def judge_all(out, judge, videos):
    return list(judge_into(VerdictFolder(out, judge), judge, videos))


def table(out):
    with (out / "verdicts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_videos_are_found_below_folders_and_each_is_taken_once(data):
    named = [data / "b" / "clip.mp4", data, data / "absent.mp4", data / "notes.txt"]
    found = find_videos(named)
    assert [str(path.relative_to(data)) for path in found] == [
        *("b/clip.mp4", "-rf.avi", "ü b.MOV", "a/clip.mp4"),
        *("absent.mp4", "notes.txt"),
    ]


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        (["1.png", "2.png", "10.png"], True),
        (["clip_frame1.jpg", "clip_frame2.JPG"], True),
        (["1.png"], False),
        (["anna.jpg", "bert.jpg", "six_faces.jpg"], False),
        (["000_frame1.png", "001_frame1.png"], False),
    ],
)
def test_only_numbered_frames_are_one_video(tmp_path, names, is_one):
    folder = tmp_path / "images" / "below"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("")
    each = sorted(folder / name for name in names)
    assert find_videos([tmp_path / "images"]) == ([folder] if is_one else each)


def test_a_folder_of_nothing_is_kept_for_its_verdict(tmp_path):
    assert find_videos([tmp_path]) == [tmp_path]


def test_each_video_has_a_file_of_its_own(data, tmp_path):
    out, videos = tmp_path / "out", find_videos([data])
    verdicts = judge_all(out, InventedJudge(), videos)
    rows = table(out)
    assert [row["path"] for row in rows] == [str(video) for video in videos]
    names = [row["json"] for row in rows]
    assert len({name.casefold() for name in names}) == len(videos) == 4
    assert names[0] == "rf.json"
    assert "ü_b.json" in names
    found = [json.loads((out / name).read_text()) for name in names]
    assert found == verdicts
    assert rows[0]["probability"] == "0.9"
    assert rows[0]["sha256"] == verdicts[0]["input"]["sha256"]
    for verdict, row in zip(verdicts, rows, strict=True):
        validate(verdict)
        [explanation] = verdict["models"][0]["explanations"]
        assert not explanation["holds"]
        assert str(verdict["path"]) in (out / row["page"]).read_text()


def test_the_summary_leads_to_all_pages_also_of_a_folder_gone_on_with(data, tmp_path):
    out, videos = tmp_path / "out", find_videos([data])
    judge_all(out, InventedJudge(), videos[:2])
    statuses = {videos[3].name: "error"}
    judge_all(out, InventedJudge(statuses=statuses), videos)
    text = (out / "summary.html").read_text()
    for row in table(out):
        assert f'href="{quote(row["page"])}"' in text
    judged = [row for row in table(out) if row["status"] == "fake"]
    assert text.count('class="thumb"') == len(judged) > 1


def test_a_lost_page_is_made_again(data, tmp_path):
    out, videos = tmp_path / "out", find_videos([data])
    judge_all(out, InventedJudge(), videos)
    (out / table(out)[2]["page"]).unlink()
    again = InventedJudge()
    judge_all(out, again, videos)
    assert again.judged == [videos[2].name]


def test_judged_videos_are_not_judged_again(data, tmp_path):
    out, videos = tmp_path / "out", find_videos([data])
    judge_all(out, InventedJudge(), videos)
    again = InventedJudge()
    assert len(judge_all(out, again, videos)) == 4
    assert again.judged == []
    videos[0].write_text("changed")
    (out / table(out)[1]["json"]).unlink()
    judge_all(out, again, videos)
    assert again.judged == [videos[0].name, videos[1].name]
    assert len(table(out)) == 4


def test_what_could_not_be_read_is_tried_again(data, tmp_path):
    out, videos = tmp_path / "out", [data / "absent.mp4", data / "-rf.avi"]
    statuses = {"absent.mp4": "error", "-rf.avi": "not_applicable"}
    judge_all(out, InventedJudge(statuses=statuses), videos)
    again = InventedJudge()
    judge_all(out, again, videos)
    assert again.judged == ["absent.mp4"]
    assert [row["status"] for row in table(out)] == ["fake", "not_applicable"]


def test_a_stop_keeps_what_is_done_and_the_same_command_goes_on(data, tmp_path):
    out, videos = tmp_path / "out", find_videos([data])
    judge = InventedJudge()
    verdicts = judge_into(VerdictFolder(out, judge), judge, videos)
    next(verdicts)
    next(verdicts)
    signals.request_stop()
    with pytest.raises(StoppedError) as stopped:
        next(verdicts)
    assert stopped.value.exit_code == 75
    assert len(table(out)) == 2
    signals.reset()
    again = InventedJudge()
    judge_all(out, again, videos)
    assert again.judged == [video.name for video in videos[2:]]
    assert len(table(out)) == 4


def test_half_a_line_of_a_killed_writer_is_judged_anew(data, tmp_path):
    out, videos = tmp_path / "out", find_videos([data])
    judge_all(out, InventedJudge(), videos)
    path = out / "verdicts.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again = InventedJudge()
    judge_all(out, again, videos)
    assert again.judged == [videos[-1].name]
    assert len(table(out)) == 4


def test_verdicts_of_another_model_are_refused(data, tmp_path):
    out = tmp_path / "out"
    judge_all(out, InventedJudge(), [data / "-rf.avi"])
    with pytest.raises(SettingsMismatchError, match="name another folder") as caught:
        VerdictFolder(out, InventedJudge("forest"))
    assert "differs in decides, models" in str(caught.value)


def test_a_folder_of_other_things_is_refused(data):
    with pytest.raises(RunDirectoryError, match="holds other files"):
        VerdictFolder(data, InventedJudge())


def test_no_cell_is_a_formula(data, tmp_path, monkeypatch):
    monkeypatch.chdir(data)
    from pathlib import Path

    names = ["=cmd().mp4", "+1.mp4", "@x.mp4", "-2.mp4", "\tt.mp4", "\rr.mp4"]
    videos = [Path(name) for name in names]
    for video in videos:
        video.write_text("")
    judge_all(tmp_path / "out", InventedJudge(), videos)
    assert [row["path"] for row in table(tmp_path / "out")] == [
        "'" + name.replace("\r", "\\u000d").replace("\t", "\\u0009") for name in names
    ]


def test_the_longest_name_of_twins_can_be_written(data, tmp_path):
    videos = [data / side / ("\N{HIRAGANA LETTER A}" * 80) for side in "ab"]
    for video in videos:
        video.write_text("")
    judge_all(tmp_path / "out", InventedJudge(), videos)
    assert len({row["json"] for row in table(tmp_path / "out")}) == 2


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("index", "index"),
        ("a/../b", "a_.._b"),
        ("x" * 300, "x" * 120),
        ("a\udcffb", "a_b"),
        ("\N{HIRAGANA LETTER A}" * 100, "\N{HIRAGANA LETTER A}" * 40),
        ("...", "video"),
        ("CON aux", "CON_aux"),
    ],
)
def test_safe_names(stem, name):
    assert safe_name(stem) == name


def test_our_own_names_are_not_given_away(tmp_path):
    videos = []
    for name in ("verdicts.mp4", "Index.mp4", "judged_by.mp4"):
        videos.append(tmp_path / name)
        videos[-1].write_text("")
    out = tmp_path / "out"
    judge_all(out, InventedJudge(), videos)
    for row in table(out):
        assert row["json"].count("-") == 1


def test_a_name_that_is_no_text_is_written(tmp_path):
    from pathlib import Path

    video = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.mp4"))
    video.write_text("")
    judge = InventedJudge()
    out = tmp_path / "out"
    folder = VerdictFolder(out, judge)
    found = Judged(judge.judge(Path("b.mp4")).verdict, [])
    folder.add(video, found, 1.0)
    folder.finish()
    assert folder.known(video)["status"] == "fake"
    assert table(out)[0]["json"] == "b.json"


def test_a_second_command_on_a_folder_is_refused(data, tmp_path, monkeypatch):
    judge, out = InventedJudge(), tmp_path / "out"
    monkeypatch.setattr(verdict_files, "Judge", lambda run, model: judge)
    with held(out), pytest.raises(RunLockedError, match=f"process {os.getpid()} on"):
        list(judge_videos(None, None, [data], out))
    assert judge.judged == []
    assert len(list(judge_videos(None, None, [data], out))) == 4
    assert not list(out.glob("*lock*"))


def test_the_lock_of_a_dead_command_is_taken_away(data, tmp_path, monkeypatch):
    judge, out = InventedJudge(), tmp_path / "out"
    monkeypatch.setattr(verdict_files, "Judge", lambda run, model: judge)
    out.mkdir()
    dead = {"token": "t", "host": socket.gethostname(), "pid": 2**22 + 1}
    (out / "verdicts.lock").write_text(json.dumps(dead | {"process_start": 1.0}))
    assert len(list(judge_videos(None, None, [data], out))) == 4
    assert not list(out.glob("*lock*"))


def test_the_verdict_on_another_video_is_not_taken(data, tmp_path):
    """What two commands at once once left behind: both gave the same name."""
    out, videos = tmp_path / "out", [data / "a" / "clip.mp4", data / "b" / "clip.mp4"]
    judge_all(out, InventedJudge(), videos)
    path = out / "verdicts.jsonl"
    first, second = map(json.loads, path.read_text().splitlines())
    names = {name: first[name] for name in ("json", "page")}
    path.write_text("".join(f"{json.dumps(x)}\n" for x in (first, second | names)))
    again = InventedJudge()
    verdicts = judge_all(out, again, videos)
    assert [verdict["path"] for verdict in verdicts] == [str(x) for x in videos]
    assert again.judged == ["clip.mp4"]
    once_more = InventedJudge()
    assert judge_all(out, once_more, videos) == verdicts
    assert once_more.judged == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"path": null}'])
def test_a_damaged_verdict_is_judged_again(data, tmp_path, text):
    out, videos = tmp_path / "out", find_videos([data])
    judge_all(out, InventedJudge(), videos)
    (out / table(out)[1]["json"]).write_text(text)
    judge_all(out, InventedJudge(), videos[:1])
    assert (out / "summary.html").exists()
    again = InventedJudge()
    judge_all(out, again, videos)
    assert again.judged == [videos[1].name]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: {"key": line["key"]},
        lambda line: {"status": "fake"},
        lambda line: line | {"json": None},
        lambda line: line | {"json": "../other.json"},
    ],
)
def test_a_line_without_all_it_should_hold_is_none(data, tmp_path, spoil):
    out, videos = tmp_path / "out", find_videos([data])
    judge_all(out, InventedJudge(), videos)
    path = out / "verdicts.jsonl"
    first, *others = path.read_text().splitlines()
    lines = [json.dumps(spoil(json.loads(first))), *others]
    path.write_text("".join(f"{line}\n" for line in lines))
    again = InventedJudge()
    judge_all(out, again, videos)
    assert again.judged == [videos[0].name]
    assert not (tmp_path / "other.json").exists()


def test_a_folder_without_a_verdict_is_free_for_another_model(data, tmp_path):
    class Failing(InventedJudge):
        def judge(self, path):
            raise ModelError("The model fails its self-test.")

    out, videos = tmp_path / "out", find_videos([data])
    with pytest.raises(ModelError):
        judge_all(out, Failing("old"), videos)
    assert len(judge_all(out, InventedJudge("new"), videos)) == 4
    with pytest.raises(SettingsMismatchError):
        VerdictFolder(out, InventedJudge("old"))


def test_what_turns_a_name_around_is_shown_and_not_obeyed(tmp_path):
    from pathlib import Path

    from dfhpc.reporting.verdict_page import repeating
    from dfhpc.reporting.verdict_text import verdict_text
    from dfhpc.verdict_document import printable

    path = printable(Path("a\u202egpj\x1b[2J\n\U000e0001.mp4"))
    assert path == r"a\u202egpj\u001b[2J\u000a\udb40\udc01.mp4"
    verdict = make_verdict(path="a\u202e.mp4")
    assert r"a\u202e.mp4" in verdict_text(verdict)
    assert "\u202e" not in verdict_text(verdict)
    judge_all(tmp_path / "out", InventedJudge(), [tmp_path / "a\u202e.mp4"])
    assert table(tmp_path / "out")[0]["path"].endswith(r"a\u202e.mp4")
    command = repeating(make_verdict(path=path), verdict["models"][0])
    assert "  # the name holds characters that are written here" in command
    assert "#" not in repeating(make_verdict(), verdict["models"][0])
