import os
import signal
import time

import pytest

from dfhpc.cluster import signals
from dfhpc.errors import StoppedError


def _send(signum):
    os.kill(os.getpid(), signum)
    end = time.monotonic() + 5
    while not signals.stop_requested():
        assert time.monotonic() < end


def _grace_s():
    """Return how long running units have, as of now."""
    return min(signals._give_up_at) - time.monotonic()


@pytest.mark.parametrize("signum", [signal.SIGUSR1, signal.SIGUSR2])
def test_before_a_walltime_units_have_as_long_as_it_leaves(signum, capsys):
    with signals.stop_on_signals(grace_s=60):
        _send(signum)
    assert 55 < _grace_s() <= 60
    assert not signals.hurry_requested()
    assert "finishing what runs" in capsys.readouterr().err


def test_after_sigterm_little_time_is_left(capsys):
    with signals.stop_on_signals():
        _send(signal.SIGTERM)
    assert _grace_s() <= signals.TERM_GRACE_S
    with pytest.raises(StoppedError):
        signals.raise_if_stopped()


def test_ctrl_c_does_not_wait(capsys):
    with signals.stop_on_signals():
        _send(signal.SIGINT)
    assert signals.hurry_requested()


def test_the_time_runs_out():
    signals.request_stop(grace_s=0.0)
    time.sleep(0.01)
    assert signals.hurry_requested()


def test_a_stop_that_hurries_is_not_slowed_by_a_later_one():
    signals.request_stop(grace_s=15.0)
    signals.request_stop(grace_s=120.0)
    assert _grace_s() <= 15.0
