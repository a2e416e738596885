"""Status on invented marks and notes."""

import json
import os
import socket
import time

import pytest

from dfhpc.errors import DataLayoutError, RunDirectoryError
from dfhpc.locks import hold
from dfhpc.reporting.status_table import clock_text, status_text
from dfhpc.runs import write_json
from dfhpc.stages import evaluate, extract
from dfhpc.status import StatusReader, read_status
from dfhpc.videos.manifest import Video, count_videos, write_manifest
from tests.invented_run import (
    begin_run,
    mark,
    note_cluster,
    note_error,
    note_progress,
    one_line,
    stage_of,
)


@pytest.fixture
def run(tmp_path, quick_settings):
    return begin_run(tmp_path / "run", quick_settings)


class TestStages:
    def test_marks_are_counted_with_what_failed(self, run):
        mark(run, 0, 1, 5)
        mark(run, 7, status="no_face")
        mark(run, 8, status="error")
        write_json(run.deaths_path, {"v08": 3, "v09": 1})
        stage = stage_of(read_status(run), "extract")
        counted = ("state", "done", "total", "left", "failed", "quarantined")
        assert [stage[name] for name in counted] == ["begun", 5, 24, 19, 2, 1]
        text = status_text(read_status(run))
        assert "5 of 24 partitions" in text
        assert "2 videos" in text
        assert "1 videos quarantined" in text

    def test_all_partitions_are_not_yet_the_store(self, run):
        mark(run, *range(24))
        assert stage_of(read_status(run), "extract")["state"] == "begun"

    def test_a_finished_report_says_what_failed(self, run):
        report = {name: [] for name in extract.REPORT_KEYS}
        report |= {"videos": {}, "classes": {}, "quarantined": 1, "cut": 0}
        problem = {"video_id": "v", "status": "error", "reason": "quarantined"}
        report["without_faces"] = [problem]
        write_json(run.extracted_path, report)
        run.store_path.mkdir()
        (run.store_path / "zarr.json").write_text("{}")
        stage = stage_of(read_status(run), "extract")
        assert (stage["state"], stage["left"]) == ("done", 0)
        assert (stage["failed"], stage["quarantined"]) == (1, 1)

    def test_everything_is_json(self, run):
        mark(run, 0)
        note_cluster(run)
        note_error(run)
        with hold(run.lock_path):
            note_progress(run)
            json.dumps(read_status(run), allow_nan=False)

    def test_text_fits_80_columns(self, run):
        mark(run, 0, status="error")
        note_cluster(run, message="sbatch: error: " + "no such account " * 20)
        note_error(run, message="Too bad. " * 30)
        with hold(run.lock_path):
            note_progress(run)
            text = status_text(read_status(run))
        lines = text.replace(str(run.path), "RUN").splitlines()
        assert max(map(len, lines)) <= 80


class TestTask:
    def test_rate_and_end_while_the_driver_lives(self, run):
        mark(run, *range(4))
        with hold(run.lock_path):
            note = note_progress(run)
            status = read_status(run)
        stage = stage_of(status, "extract")
        assert stage["state"] == "working"
        assert stage["per_minute"] == 10
        assert stage["end_t"] == pytest.approx(note["updated_t"] + 120)
        assert status["working"]["pid"] == os.getpid()
        text = status_text(status)
        assert "Now: Extracting, 4 of 24 partitions, 10.0 a minute; about " in text
        assert clock_text(stage["end_t"], status["t"]) in text
        assert f"At work: process {os.getpid()} on {socket.gethostname()}." in text

    def test_no_end_without_news(self, run):
        with hold(run.lock_path):
            note_progress(run, updated_t=time.time() - 900)
            status = read_status(run)
        assert not status["task"]["is_fresh"]
        assert stage_of(status, "extract")["end_t"] is None
        assert "nothing more for 15 min, so no end" in one_line(status)

    def test_units_of_an_hour_are_no_lack_of_news(self, run):
        with hold(run.lock_path):
            note_progress(
                run, updated_t=time.time() - 3600, recent_per_minute=1 / 60, unit="step"
            )
            status = read_status(run)
        assert status["task"]["is_fresh"]
        assert status["task"]["end_t"] > status["t"]
        # Steps of a model are not partitions of the stage.
        assert stage_of(status, "extract")["per_minute"] is None

    def test_what_an_earlier_driver_wrote_does_not_count(self, run):
        with hold(run.lock_path):
            note_progress(run, pid=1)
            status = read_status(run)
        assert status["task"] is None
        assert stage_of(status, "extract")["state"] == "not begun"

    def test_a_stage_that_counts_nothing(self, run):
        note = {"stage": "extract", "started_t": 1.0, "updated_t": time.time() - 5}
        note |= {"host": socket.gethostname(), "pid": os.getpid()}
        write_json(run.progress_path, note)
        with hold(run.lock_path):
            assert "Now: stage extract, for 5 s." in status_text(read_status(run))


class TestFiles:
    @pytest.mark.parametrize("name", ["progress_path", "error_path", "deaths_path"])
    @pytest.mark.parametrize("text", ["{", "[]", ""])
    def test_damaged_notes_are_sentences(self, run, name, text):
        path = getattr(run, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        [problem] = read_status(run)["problems"]
        assert problem.startswith(f"{path} is damaged")
        assert "Not read:" in status_text(read_status(run))

    def test_values_of_another_kind_too(self, run):
        note_cluster(run, workers={"wanted": "many"})
        [problem] = read_status(run)["problems"]
        assert "is damaged (workers.wanted: " in problem

    def test_a_damaged_mark_is_a_sentence(self, run):
        mark(run, 1)
        run.partition_path(3).write_text("{")
        reader = StatusReader(run)
        for _ in range(2):
            [problem] = reader.read()["problems"]
            assert "1 marks are damaged, the first is" in problem

    def test_a_damaged_config_is_an_error(self, run):
        run.config_path.write_text("{")
        with pytest.raises(RunDirectoryError, match="damaged"):
            read_status(run)

    def test_a_file_that_vanishes_while_it_is_read(self, run, monkeypatch):
        real, calls = evaluate.is_done, []

        def vanishing(*args):
            calls.append(1)
            if len(calls) == 1:
                raise RunDirectoryError("evaluation.json does not exist.")
            return real(*args)

        run.evaluation_dir.mkdir()
        write_json(run.evaluation_path, {"models_hash": ""})
        monkeypatch.setattr(evaluate, "is_done", vanishing)
        assert len(read_status(run)["stages"]) == 4
        assert len(calls) == 2

    def test_what_others_may_not_read_is_a_sentence(self, run, monkeypatch):
        def refused(path, *_):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr("dfhpc.status.read_note", refused)
        assert any("Permission denied" in p for p in read_status(run)["problems"])

    def test_an_error_with_a_name_that_is_no_text(self, run):
        note_error(run, message="bad \udcff\nname")
        assert r"bad \udcff name" in status_text(read_status(run))

    def test_videos_are_counted_without_parsing(self, run, tmp_path):
        assert count_videos(run.manifest_path) == 24
        odd = tmp_path / "odd.csv"
        names = ["a", 'b"\nc', "d\re"]
        write_manifest(odd, [Video(name, f"/{name}", 0, name) for name in names])
        assert count_videos(odd) == 3
        odd.write_text("other\n1\n")
        with pytest.raises(DataLayoutError, match="not a manifest"):
            count_videos(odd)
