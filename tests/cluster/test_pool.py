import os
import signal
from dataclasses import replace

import pytest

from dfhpc.cluster import pool as module
from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from dfhpc.cluster.pool import Unit, run_units
from dfhpc.errors import StoppedError, WorkerLostError


def _units(count):
    return [Unit.fixed(f"u{i}", lambda i=i: i * i) for i in range(count)]


def test_every_unit_is_run_once():
    results = {unit.key: result for unit, result in run_units(InlinePool(), _units(9))}
    assert results == {f"u{i}": i * i for i in range(9)}


def test_units_are_taken_as_they_are_needed():
    taken = []

    def units():
        for unit in _units(50):
            taken.append(unit.key)
            yield unit

    running = run_units(InlinePool(), units())
    next(running)
    assert len(taken) <= 2
    running.close()


def test_an_error_of_a_unit_is_raised():
    def fail():
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        list(run_units(InlinePool(), [Unit.fixed("u", fail)]))


def test_stop_takes_no_new_unit():
    running = run_units(InlinePool(), _units(9))
    assert next(running)[0].key == "u0"
    signals.request_stop()
    with pytest.raises(StoppedError):
        next(running)


class MortalPool(InlinePool):
    """Loses the workers of attempts that are listed."""

    def __init__(self, lost):
        self._lost = set(lost)
        self.submitted = 0

    def submit(self, name, function, args):
        self.submitted += 1
        return self.submitted, function(*args)

    def result(self, handle):
        if handle[0] in self._lost:
            raise WorkerLostError("worker died")
        return handle[1]


def test_a_lost_unit_is_tried_again_and_its_loss_told():
    told = []

    def on_lost(unit, attempt):
        told.append((unit.key, attempt))
        return True

    names = []
    unit = Unit("u", lambda attempt: attempt, lambda attempt: (attempt,))
    pool = MortalPool({1, 2, 3, 4, 5, 6, 7})
    for _, result in run_units(pool, [unit], on_lost):
        names.append(result)
    assert pool.submitted == 8
    assert len({attempt for _, attempt in told}) == 7
    assert names[0] not in {attempt for _, attempt in told}


def test_a_result_that_is_not_wanted_is_not_fetched():
    checked = []

    class Watched(InlinePool):
        def result(self, handle):
            raise AssertionError("fetched")

        def check(self, handle):
            checked.append(handle.name)

    unit = replace(_units(1)[0], has_result=False)
    assert list(run_units(Watched(), [unit])) == [(unit, None)]
    assert len(checked) == 1


def test_losses_without_a_cause_end():
    pool = MortalPool(range(99))
    with pytest.raises(WorkerLostError, match="lost 5 workers"):
        list(run_units(pool, _units(1)))
    assert pool.submitted == module.MAX_UNEXPLAINED_LOSSES


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_of_batch_systems_ask_for_a_stop(signum, capsys):
    before = signal.getsignal(signum)
    with signals.stop_on_signals():
        os.kill(os.getpid(), signum)
        assert signals.stop_requested()
        assert not signals.hurry_requested()
    assert signal.getsignal(signum) == before
    assert signum.name in capsys.readouterr().err
