import json

import pytest

from dfhpc.usage.summary import Usage, lsf_lines, read_usage


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _sample(t, cpu_s, rss_mb, processes=1, threads=4):
    return {
        "t": t,
        "cpu_s": cpu_s,
        "rss_bytes": rss_mb * 2**20,
        "processes": processes,
        "threads": threads,
    }


def _event(t, name, stage, requested=None):
    return {"t": t, "event": name, "stage": stage, "requested_bytes": requested}


def test_stages_share_out_the_cpu_of_all_processes(tmp_path):
    _write(
        tmp_path / "driver-a.jsonl",
        [
            _sample(0, 0, 100),
            _event(0, "start", "extract", 4 * 2**30),
            _sample(10, 5, 100),
            _event(10, "end", "extract", 4 * 2**30),
            _event(10, "start", "train"),
            _sample(20, 6, 100),
            _event(20, "end", "train"),
        ],
    )
    _write(tmp_path / "worker-a.jsonl", [_sample(2, 0, 500), _sample(18, 16, 700, 2)])
    usage = read_usage(tmp_path)
    assert list(usage) == ["extract", "train"]
    # The worker used a CPU second a second: 8 of them in extract, 8 in train.
    assert usage["extract"]["cpu_s"] == pytest.approx(5 + 8)
    assert usage["train"]["cpu_s"] == pytest.approx(1 + 8)
    assert usage["extract"]["max_rss_bytes"] == 600 * 2**20
    assert usage["train"]["max_rss_bytes"] == 800 * 2**20
    assert usage["extract"]["requested_bytes"] == 4 * 2**30
    assert usage["train"]["max_processes"] == 3
    assert usage["train"]["run_s"] == 10


def test_a_killed_stage_ends_with_its_last_sample_and_a_resume_adds_to_it(tmp_path):
    half_a_line = '{"t": 31, "cpu'
    path = tmp_path / "driver-a.jsonl"
    _write(path, [_event(0, "start", "extract"), _sample(0, 0, 10), _sample(30, 3, 10)])
    path.write_text(path.read_text() + half_a_line)
    _write(
        tmp_path / "driver-b.jsonl",
        [
            _event(100, "start", "extract"),
            _sample(100, 0, 10),
            _sample(110, 2, 10),
            _event(110, "end", "extract"),
        ],
    )
    used = read_usage(tmp_path)["extract"]
    assert used["run_s"] == 40
    assert used["turnaround_s"] == 110
    assert used["cpu_s"] == pytest.approx(5)


def test_no_samples_no_stages(tmp_path):
    assert read_usage(tmp_path) == {}


PUBLISHED = Usage(579.28, 17_317 * 2**20, 15_481.17 * 2**20, None, 5, 29, 576, 576)


def test_ten_lines_are_byte_for_byte_those_of_lsf(data_dir):
    report = (data_dir / "lsf" / "rf_80_20.out").read_text()
    start = report.index("    CPU time")
    assert report[start:].startswith("\n".join(lsf_lines(PUBLISHED)) + "\n")


def test_memory_asked_for_gives_a_delta():
    usage = Usage(1, 4759 * 2**20, 100 * 2**20, 10_240 * 2**20, 1, 1, 1, 1)
    lines = lsf_lines(usage)
    assert lines[3].endswith(" 10240.00 MB")
    assert lines[4].endswith(" 5481.00 MB")
    assert all(len(line.split(":")[0]) < 49 for line in lines)
