"""Dask's reports, written on the way, by the Dask that is installed."""

import time
import urllib.request
from types import SimpleNamespace

import pytest

from dfhpc.cluster import performance
from dfhpc.cluster.local import local_pool
from dfhpc.cluster_config import ClusterConfig
from dfhpc.locks import hold
from dfhpc.runs import RunDirectory
from dfhpc.submission import find_dashboard

WAIT_S = 30.0


class KilledError(Exception):
    """Ends a block."""


def double(value):
    return 2 * value


def wait_for(path):
    end = time.monotonic() + WAIT_S
    while not path.exists():
        assert time.monotonic() < end, f"no {path.name} in {WAIT_S:.0f} s"
        time.sleep(0.05)


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "run")


@pytest.fixture
def pool(run):
    with hold(run.lock_path), local_pool(ClusterConfig(workers=1), run=run) as opened:
        yield opened


def test_a_report_is_there_before_the_stage_ends_and_after_a_failure(
    run, pool, monkeypatch
):
    pools, path = SimpleNamespace(opened=pool), run.performance_dir / "extract.html"
    assert pool.result(pool.submit("double-3", double, (3,))) == 6
    monkeypatch.setattr(performance, "EVERY_S", 0.2)
    monkeypatch.setattr(performance, "LEAST_S", 0.0)

    with performance.reported_performance(pools, path):
        wait_for(path)
        text = path.read_text()
    assert "Dask Performance Report" in text
    assert "Task Stream" in text
    path.unlink()
    monkeypatch.setattr(performance, "EVERY_S", 1000.0)
    with (
        pytest.raises(KilledError),
        performance.reported_performance(pools, path),
    ):
        raise KilledError
    assert "Dask Performance Report" in path.read_text()


def test_where_no_pool_was_opened_there_is_no_report(run, monkeypatch):
    monkeypatch.setattr(performance, "LEAST_S", 0.0)
    path = run.performance_dir / "train.html"
    with performance.reported_performance(SimpleNamespace(opened=None), path):
        pass
    assert not path.exists()


def test_a_report_that_fails_ends_no_work(run, monkeypatch, caplog):
    caplog.set_level("DEBUG", "dfhpc")
    monkeypatch.setattr(performance, "LEAST_S", 0.0)
    client = SimpleNamespace(status="running", sync=lambda *_: 1 / 0)
    pools = SimpleNamespace(opened=SimpleNamespace(client=client))
    with performance.reported_performance(pools, run.performance_dir / "x.html"):
        pass
    assert "No performance report: division by zero" in caplog.text


def test_the_dashboard_of_this_machine_is_where_it_is_said_to_be(run):
    with hold(run.lock_path):
        with local_pool(ClusterConfig(workers=1), run=run):
            port = find_dashboard(run)["port"]
            url = f"http://127.0.0.1:{port}/status"
            with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
                assert answer.status == 200
        # Its driver may go on, and has no dashboard any more.
        assert not run.dashboard_path.exists()
