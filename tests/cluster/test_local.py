"""Real Dask workers on this machine."""

import os
import time
from dataclasses import replace

import pytest

from dfhpc.cluster.local import choose_workers, local_pool
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import WorkerLostError
from dfhpc.usage.plugin import UsagePlugin
from dfhpc.usage.summary import read_usage


def _square(value):
    return value * value, os.getpid()


def _die_once(mark):
    """Kill the worker the first time, live the second."""
    if not os.path.exists(mark):
        with open(mark, "w"):
            pass
        os.kill(os.getpid(), 9)
    return "lived"


def _die():
    os.kill(os.getpid(), 9)


def _fail():
    raise ValueError("a fault of the unit")


def _napping(seconds):
    time.sleep(seconds)
    return os.environ["OMP_NUM_THREADS"]


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usage")
    with local_pool(ClusterConfig(workers=2), UsagePlugin(folder)) as opened:
        opened.usage_dir = folder
        yield opened


def test_units_run_in_worker_processes(pool):
    units = [Unit.fixed(f"u{i}", _square, i) for i in range(20)]
    results = dict((unit.key, result) for unit, result in run_units(pool, units))
    assert {key: value for key, (value, _) in results.items()} == {
        f"u{i}": i * i for i in range(20)
    }
    assert os.getpid() not in {pid for _, pid in results.values()}


def test_workers_have_one_thread_each_for_arithmetic(pool):
    ((_, threads),) = run_units(pool, [Unit.fixed("nap", _napping, 0)])
    assert threads == "1"


def test_a_fault_of_a_unit_is_raised_as_it_is(pool):
    with pytest.raises(ValueError, match="a fault of the unit"):
        list(run_units(pool, [Unit.fixed("f", _fail)]))


def test_units_whose_results_are_not_wanted_run_and_their_faults_are_raised(
    pool, tmp_path
):
    paths = [tmp_path / str(i) for i in range(20)]
    units = [
        replace(Unit.fixed(f"t{i}", path.touch), has_result=False)
        for i, path in enumerate(paths)
    ]
    assert [result for _, result in run_units(pool, units)] == [None] * 20
    assert all(path.exists() for path in paths)
    with pytest.raises(ValueError, match="a fault of the unit"):
        list(run_units(pool, [replace(Unit.fixed("f2", _fail), has_result=False)]))


def test_a_dead_worker_is_noticed_where_no_result_is_wanted(pool, tmp_path):
    unit = Unit.fixed("mortal2", _die_once, str(tmp_path / "mark"))
    told = []
    done = run_units(
        pool,
        [replace(unit, has_result=False)],
        lambda unit, attempt: bool(told.append(unit.key)),
    )
    assert [result for _, result in done] == [None]
    assert told == ["mortal2"]


def test_nothing_is_kept_of_units_that_are_done(pool):
    list(run_units(pool, [Unit.fixed(f"k{i}", _square, i) for i in range(30)]))
    scheduler = pool._client.cluster.scheduler
    deadline = time.monotonic() + 10
    # A unit that failed stays until Python has done away with its traceback.
    while (left := _ours(scheduler)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def _ours(scheduler):
    return [key for key in list(scheduler.tasks) if key.startswith("k")]


def test_a_dead_worker_is_replaced_and_its_unit_done(pool, tmp_path):
    units = [
        Unit.fixed("mortal", _die_once, str(tmp_path / "mark")),
        *(Unit.fixed(f"s{i}", _square, i) for i in range(6)),
    ]
    results = {unit.key: result for unit, result in run_units(pool, units)}
    assert results["mortal"] == "lived"
    assert len(results) == 7


def test_a_unit_that_always_kills_ends_with_a_sentence(pool):
    with pytest.raises(WorkerLostError, match="deadly lost 5 workers"):
        list(run_units(pool, [Unit.fixed("deadly", _die)]))


def test_workers_leave_samples(pool):
    list(run_units(pool, [Unit.fixed("nap2", _napping, 0.1)]))
    assert list(pool.usage_dir.glob("worker-*.jsonl"))
    assert read_usage(pool.usage_dir) == {}


def test_scratch_of_the_dead_is_swept_and_of_the_living_kept(tmp_path, monkeypatch):
    import tempfile

    from dfhpc.cluster.local import SCRATCH_PREFIX, _sweep_scratch

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / f"{SCRATCH_PREFIX}4194999-x"
    living = tmp_path / f"{SCRATCH_PREFIX}{os.getpid()}-x"
    other = tmp_path / f"{SCRATCH_PREFIX}notes"
    for path in (dead, living, other):
        (path / "inner").mkdir(parents=True)
    _sweep_scratch()
    assert sorted(tmp_path.iterdir()) == sorted([living, other])


def test_number_of_workers_follows_memory(monkeypatch):
    from dfhpc.cluster import local

    monkeypatch.setattr(local, "CPU_COUNT", 64)
    monkeypatch.setattr(local, "MEMORY_LIMIT", 9 * 1024**3)
    assert choose_workers(ClusterConfig()) == 4
    assert choose_workers(ClusterConfig(memory_limit="3GiB")) == 3
    assert choose_workers(ClusterConfig(workers=7)) == 7
