import json

import pytest

from dfhpc.batch_jobs import BatchJob, record_ended, record_submitted
from dfhpc.errors import RunDirectoryError
from dfhpc.reporting.usage_figure import save_usage_figure
from dfhpc.reporting.usage_text import MOST_JOBS, usage_text
from dfhpc.runs import RunDirectory
from dfhpc.usage.report import read_report
from dfhpc.usage.sacct import Answer
from dfhpc.usage.samples import read_samples
from dfhpc.usage.timeline import MOST_POINTS, timeline

GB = 2**30
BEGIN = 1.7e9


def _write(run, name, records):
    run.usage_dir.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record) + "\n" for record in records)
    (run.usage_dir / name).write_text(text)


def _sample(t, cpu_s, rss=GB, **others):
    levels = {"rss_bytes": rss, "processes": 1, "threads": 2}
    return {"t": BEGIN + t, "cpu_s": cpu_s} | levels | others


def _event(t, name, stage):
    return {"t": BEGIN + t, "event": name, "stage": stage, "requested_bytes": 8 * GB}


@pytest.fixture
def run(tmp_path):
    """Return a run of two stages, of a driver and a worker in a job."""
    run = RunDirectory(tmp_path / "run")
    driver = [
        _event(0, "start", "extract"),
        _sample(0, 0, 0),
        _sample(900, 9),
        _event(900, "end", "extract"),
        _event(1000, "start", "train"),
        _event(1000, "start", "train svm"),
        _sample(1900, 18),
        _event(1900, "end", "train svm"),
        _event(2000, "end", "train"),
        _sample(2000, 19),
    ]
    _write(run, "driver-n1-1-1.jsonl", driver)
    head = {"host": "n2", "job_id": "7"}
    cpu = [_sample(t, t * 0.9, (2 if t > 1200 else 1) * GB) for t in range(0, 2000, 2)]
    _write(run, "worker-n2-1-1.jsonl", [cpu[0] | head, *cpu[1:]])
    return run


def _with_jobs(run, monkeypatch, *job_ids):
    monkeypatch.setattr(
        "dfhpc.usage.efficiency.ask_sacct",
        lambda ids: Answer({}, "sacct gave no answer in 60 s"),
    )
    for job_id in job_ids:
        job = BatchJob(job_id, "w", "slurm", "worker", 2, 9 * GB // 2, 43200, "")
        record_submitted(run, job)
        record_ended(run, job_id, "RELEASED", "n2")


def test_a_run_without_jobs(run):
    report = read_report(run)
    assert list(report["stages"]) == ["extract", "train", "train svm"]
    whole = report["run"]
    assert whole["cpu_s"] == pytest.approx(19 + 1900 * 0.9, rel=0.01)
    assert (whole["run_s"], whole["turnaround_s"]) == (1900, 2000)
    assert whole["max_rss_bytes"] == 3 * GB
    assert report["jobs"] == report["advice"] == []
    assert report["efficiency"] == {}
    assert report["accounting"] == {"sources": [], "problems": []}
    text = usage_text(report)
    assert text.count("Resource usage summary:") == 4
    assert "job" not in text.lower()
    assert text.rpartition("whole run")[2].count("\n") == 4 + 9


def test_a_run_with_a_job_and_no_accounting(run, monkeypatch):
    _with_jobs(run, monkeypatch, "7", "8")
    report = json.loads(json.dumps(read_report(run), allow_nan=False))
    first, second = report["jobs"]
    assert (first["node"], first["state"], first["cores"]) == ("n2", "RELEASED", 2)
    assert first["cpu_share"] == pytest.approx(0.45, rel=0.01)
    assert second["cpu_share"] is None
    workers = report["efficiency"]["worker"]
    assert (workers["jobs"], workers["ended"]) == (2, 2)
    assert workers["cpu_share"] == pytest.approx(0.45, rel=0.01)
    text = usage_text(report)
    assert "Batch jobs, by samples\n" in text
    assert "Not all is known: sacct gave no answer in 60 s." in text
    assert "2 worker jobs, 2 ended; CPU 45 % of 1.11 core hours;" in text
    assert 'worker: cluster.memory_limit = "2560MiB"  (now 4096MiB; ' in text
    assert "worker: cluster.cores = 1  (now 2; " in text


def test_a_long_table_shows_the_last_jobs(run, monkeypatch):
    _with_jobs(run, monkeypatch, *(str(100 + n) for n in range(MOST_JOBS + 3)))
    text = usage_text(read_report(run))
    assert "\n3 earlier jobs: see --json" in text
    assert "\n102 " not in text
    assert "\n103 " in text


def test_nothing_sampled_yet(tmp_path):
    run = RunDirectory(tmp_path)
    assert usage_text(read_report(run)) == "Nothing has been sampled yet."
    with pytest.raises(RunDirectoryError, match="no stage has begun"):
        save_usage_figure(tmp_path / "u.png", timeline(read_samples(run.usage_dir)))
    assert not (tmp_path / "u.png").exists()


def test_a_timeline_has_the_figures_at_their_times(run):
    line = timeline(read_samples(run.usage_dir))
    assert len(line["t"]) == MOST_POINTS + 1
    assert len(line["cores"]) == len(line["rss_bytes"]) == len(line["processes"])
    step = 2000 / MOST_POINTS
    at_600, at_1500 = round(600 / step), round(1500 / step)
    assert line["t"][at_600] - line["t"][0] == pytest.approx(600)
    assert line["cores"][at_600] == pytest.approx(0.91, abs=0.001)
    assert line["rss_bytes"][at_600] == GB
    assert line["rss_bytes"][at_1500] == 3 * GB
    assert line["processes"][at_1500] == 2
    assert line["stages"][0] == ("extract", BEGIN, BEGIN + 900)


def test_the_figure_is_the_same_png_each_time(run, tmp_path):
    line = timeline(read_samples(run.usage_dir))
    for name in ("a.png", "b.png"):
        save_usage_figure(tmp_path / name, line)
    first = (tmp_path / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "b.png").read_bytes()
    save_usage_figure(tmp_path / "c.png", line | {"cores": [0.0] * MOST_POINTS})
    assert first != (tmp_path / "c.png").read_bytes()


def test_a_run_of_a_moment_can_be_drawn(tmp_path):
    run = RunDirectory(tmp_path)
    records = [_event(0, "start", "scan"), _sample(0, 0), _event(0, "end", "scan")]
    _write(run, "driver-n1-1-1.jsonl", records)
    save_usage_figure(tmp_path / "u.png", timeline(read_samples(run.usage_dir)))
    assert (tmp_path / "u.png").stat().st_size > 1000
    assert read_report(run)["run"]["run_s"] == 0
