"""Lost workers, judged while the others go on."""

from types import SimpleNamespace

import distributed
import pytest

from dfhpc.cluster import signals
from dfhpc.cluster.batch_pool import BatchPool
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.errors import StoppedError, WorkerLostError


class Call:
    """What Dask's client gives for a call that has ended."""

    def __init__(self, name, loser):
        self.name = name
        self.status = "error" if loser else "finished"
        self._loser = loser

    def done(self):
        return True

    def add_done_callback(self, function):
        function(self)

    def exception(self):
        worker = SimpleNamespace(name=self._loser, address="tls://n1")
        return distributed.KilledWorker(self.name, worker, 0)

    def result(self):
        if self._loser:
            raise self.exception()
        return self.name


class Site:
    """A client whose first calls lose their workers, and a keeper that is slow."""

    has_workers = True

    def __init__(self, losers, verdicts):
        self.losers = losers
        self.verdicts = verdicts
        self.scheduler_comm = SimpleNamespace(interval=0)

    def scheduler_info(self, n_workers):
        del n_workers
        return {"workers": {"a": {}, "b": {}}}

    def submit(self, function, *args, key, **kwargs):
        del function, args, kwargs
        return Call(key, self.losers.pop(key.partition("-")[0], None))

    def cancel(self, handles, **kwargs):
        pass

    def raise_if_failed(self):
        pass

    def note_progress(self):
        pass

    def is_blameless(self, name, within_s):
        del name, within_s
        return self.verdicts.pop(0)


def _run(site, on_lost=lambda unit, attempt: False):
    pool = BatchPool(site, 0, site)
    units = [Unit.fixed(f"u{i}", print) for i in range(6)]
    return [unit.key for unit, _ in run_units(pool, units, on_lost)]


@pytest.mark.parametrize("is_blameless", [True, False])
def test_others_go_on_until_it_is_known_who_is_to_blame(is_blameless):
    blamed = []

    def blame(unit, attempt):
        del attempt
        blamed.append(unit.key)
        return True

    site = Site({"u0": "w1"}, [None, None, None, is_blameless])
    order = _run(site, blame)
    assert sorted(order) == [f"u{i}" for i in range(6)]
    # Its second attempt came after those that did not wait for the verdict.
    assert order.index("u0") >= 3
    assert blamed == ([] if is_blameless else ["u0"])


def test_a_loss_tells_its_verdict(monkeypatch):
    monkeypatch.setattr("dfhpc.cluster.pool.MAX_UNEXPLAINED_LOSSES", 1)
    with pytest.raises(WorkerLostError, match="u0 lost 1 workers"):
        _run(Site({"u0": "w1"}, [False]))


def test_a_stop_does_not_wait_where_no_worker_is():
    site = Site({}, {})
    site.has_workers = False
    pool = BatchPool(site, 0, site)
    signals.request_stop()
    with pytest.raises(StoppedError):
        pool.wait([])
