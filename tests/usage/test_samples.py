import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfhpc.usage.samples import (
    HOLD_S,
    LEVELS,
    Series,
    Span,
    read_samples,
    total,
    union,
)
from dfhpc.usage.summary import usage_of_run, usage_of_stages


def _series(times, values, cpu_s=None):
    levels = {name: np.array(values, np.int64) for name in LEVELS}
    times = np.array(times, float)
    cpu = np.zeros(len(times)) if cpu_s is None else np.array(cpu_s, float)
    return Series("worker", "h", None, times, cpu, levels)


def _write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _sample(t, cpu_s, **others):
    levels = {"rss_bytes": 10, "processes": 1, "threads": 1}
    return {"t": t, "cpu_s": cpu_s} | levels | others


samples_of_a_process = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9)),
    min_size=1,
    unique_by=lambda pair: pair[0],
).map(sorted)


@given(st.lists(samples_of_a_process, min_size=1), st.integers(0, 40))
def test_the_sum_is_at_each_time_that_of_the_last_samples(processes, time):
    summed = total([_series(*zip(*pairs, strict=True)) for pairs in processes])
    at = time + 0.5
    expected = 0
    for pairs in processes:
        before = [value for t, value in pairs if t <= at]
        if before and at < pairs[-1][0] + HOLD_S:
            expected += before[-1]
    assert summed.between("rss_bytes", at, at)[-1] == expected


def test_highest_and_area_between_two_times():
    summed = total([_series([0, 2, 4], [5, 7, 1]), _series([3, 4], [10, 10])])
    assert summed.between("threads", 2.5, 3.5).tolist() == [7, 17]
    assert summed.between("threads", -3, -2).tolist() == [0]
    # From 1 to 2 it is 5, to 3 it is 7, to 4 it is 17, then 11, from 5 on nothing.
    assert summed.integral("threads", 1, 6) == 5 + 7 + 17 + 11


def test_one_that_ends_as_another_begins_is_not_counted_with_it():
    summed = total([_series([0, 3], [8, 8]), _series([3 + HOLD_S, 9], [8, 8])])
    assert summed.between("rss_bytes", 0, 9).max() == 8


def test_no_process_uses_nothing():
    assert total([]).between("rss_bytes", 0, 1).tolist() == [0]


def test_cpu_never_falls_where_a_child_was_missed(tmp_path):
    cpu = [0, 4, 3, 5]
    path = tmp_path / "worker-node-7-1700000000.jsonl"
    _write(path, *(_sample(t, used) for t, used in enumerate(cpu)))
    (series,) = read_samples(tmp_path).series
    assert series.cpu_s.tolist() == [0, 4, 4, 5]


def test_a_file_says_where_it_is_from(tmp_path):
    _write(tmp_path / "worker-n-62-1-7-1700000000.jsonl", _sample(0, 0))
    head = {"host": "n2", "job_id": "55", "clock_offset_s": 0.0}
    _write(tmp_path / "driver-n2-8-1700000000.jsonl", _sample(0, 0, **head))
    driver, worker = read_samples(tmp_path).series
    assert (worker.role, worker.host, worker.job_id) == ("worker", "n-62-1", None)
    assert (driver.role, driver.host, driver.job_id) == ("driver", "n2", "55")


@pytest.mark.parametrize(("offset", "begin"), [(100.0, 1100), (-70.0, 930), (3, 1000)])
def test_a_clock_far_off_is_corrected(tmp_path, offset, begin):
    path = tmp_path / "worker-n-7-1700000000.jsonl"
    _write(path, _sample(1000, 0, clock_offset_s=offset), _sample(1002, 1))
    (series,) = read_samples(tmp_path).series
    assert series.times.tolist() == [begin, begin + 2]


def test_half_a_line_anywhere_costs_no_other(tmp_path):
    path = tmp_path / "worker-n-7-1700000000.jsonl"
    whole = [json.dumps(_sample(t, t)) for t in range(3)]
    path.write_text(f'{whole[0]}\n{{"t": 1, "cp{whole[1]}\n\x00\x00\n5\n{whole[2]}\n')
    (series,) = read_samples(tmp_path).series
    assert series.times.tolist() == [0, 2]


def test_a_run_counts_no_second_twice(tmp_path):
    def event(t, name, stage, requested=None):
        return {"t": t, "event": name, "stage": stage, "requested_bytes": requested}

    _write(
        tmp_path / "driver-n-7-1700000000.jsonl",
        _sample(0, 0),
        event(0, "start", "train", 7),
        event(2, "start", "train svm"),
        _sample(6, 6),
        event(6, "end", "train svm"),
        event(10, "end", "train", 7),
        _sample(10, 8),
        # The next night.
        event(100, "start", "evaluate", 5),
        _sample(100, 8),
        _sample(104, 12, rss_bytes=30),
        event(104, "end", "evaluate", 5),
    )
    samples = read_samples(tmp_path)
    summed = total(samples.series)
    assert list(usage_of_stages(samples, summed)) == ["train", "train svm", "evaluate"]
    used = usage_of_run(samples, summed)
    assert used.cpu_s == pytest.approx(12)
    assert used.run_s == 14
    assert used.turnaround_s == 104
    assert used.requested_bytes == 7
    assert used.max_rss_bytes == 30


def test_no_stage_no_run(tmp_path):
    samples = read_samples(tmp_path)
    assert usage_of_run(samples, total(samples.series)) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1))
def test_a_union_has_every_time_once(pairs):
    merged = union([Span("s", start, start + length, None) for start, length in pairs])
    inside = {t for start, length in pairs for t in range(start, start + length)}
    assert {t for start, end in merged for t in range(start, end)} == inside
    assert sum(end - start for start, end in merged) == len(inside)
    edges = [edge for stretch in merged for edge in stretch]
    assert edges == sorted(edges)
