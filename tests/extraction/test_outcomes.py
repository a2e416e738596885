import json

import pytest

from dfhpc import journal
from dfhpc.extraction import outcomes
from dfhpc.extraction.outcomes import FailedVideos, done_partitions, note_outcome
from dfhpc.runs import RunDirectory


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path)
    run.outcomes_dir.mkdir(parents=True)
    return run


def _journal(run):
    return run.outcomes_dir / "host-1.jsonl"


def _mark(run, index, *statuses):
    videos = [{"status": status} for status in statuses]
    run.partition_path(index).write_text(json.dumps({"videos": videos}))


def test_done_are_marks_and_nothing_else(run):
    for name in ("000001.json", "000007.json", "000002.current", ".000003.json.x"):
        (run.partitions_dir / name).write_text("")
    run.deaths_path.write_text("{}")
    assert done_partitions(run, 7) == {1}
    assert done_partitions(RunDirectory(run.path / "absent"), 7) == set()


def test_marks_are_read_where_the_journal_does_not_know(run):
    _mark(run, 0, "ok", "no_face", "error")
    _mark(run, 1, "partial", "no_face")
    journal.append(_journal(run), {"partition": 0, "failed": {"error": 5}})
    counts, unread = FailedVideos(run).count({0, 1})
    assert (counts, unread) == ({"error": 5, "no_face": 1}, 0)


def test_no_mark_is_read_twice(run):
    failed = FailedVideos(run)
    _mark(run, 0, "error")
    assert failed.count({0})[0]["error"] == 1
    _mark(run, 0, "ok")
    assert failed.count({0})[0]["error"] == 1
    # It is done again, and the worker says what came of it.
    journal.append(_journal(run), {"partition": 0, "failed": {}})
    assert failed.count({0})[0].total() == 0


def test_only_so_many_marks_at_a_time(run, monkeypatch):
    monkeypatch.setattr(outcomes, "MAX_MARKS", 3)
    for index in range(5):
        _mark(run, index, "error")
    failed = FailedVideos(run)
    assert failed.count(set(range(5))) == ({"error": 3}, 2)
    assert failed.count(set(range(5))) == ({"error": 5}, 0)


def test_a_mark_that_vanishes_is_passed_over_and_a_damaged_one_told(run):
    failed = FailedVideos(run)
    run.partition_path(1).write_text("{")
    assert failed.count({0, 1}) == ({}, 0)
    assert failed.damaged == {1}


def test_half_a_line_waits_for_its_other_half(run):
    failed = FailedVideos(run)
    _journal(run).write_text('{"partition": 0, "failed": {"er')
    _mark(run, 0)
    _mark(run, 1)
    assert failed.count({0, 1})[0].total() == 0
    with _journal(run).open("a") as file:
        file.write('ror": 2}}\n[]\n{"partition": 1}\n')
    assert failed.count({0, 1})[0] == {"error": 2}


def test_a_worker_notes_what_it_has_done(run):
    note_outcome(run, 3, {"videos": {"ok": 2, "error": 1, "no_face": 1}})
    note_outcome(run, 4, {"videos": {"partial": 2}})
    journal.append(_journal(run), {"partition": 5, "failed": {"error": 3}})
    assert FailedVideos(run).count({3, 4, 5}) == ({"no_face": 1, "error": 4}, 0)
    assert FailedVideos(run).count({4}) == ({}, 0)


def test_a_full_disk_does_not_end_the_work(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outcomes.journal, "append", full)
    note_outcome(run, 3, {"videos": {"error": 1}})
    assert not list(run.outcomes_dir.iterdir())
