"""What a command took is what it took, its children's share included."""

import sys
import time

import psutil
import pytest

from benchmarks.measure import (
    Measured,
    MeasuredError,
    MeasuredTimeoutError,
    alternate,
    measure,
    measure_call,
)

MB = 10**6
HOLD = "import time; held = b'x' * {size}; time.sleep({seconds})"
NOTHING = Measured(0.0, 0, 0)


def python(code):
    return [sys.executable, "-c", code]


def test_memory_of_a_child_counts():
    child = HOLD.format(size=200 * MB, seconds=0.6)
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    measured = measure(python(code))
    assert 200 * MB < measured.peak_process_bytes < 240 * MB
    assert measured.peak_process_bytes < measured.peak_rss_bytes < 280 * MB
    assert 0.6 < measured.seconds < 10


def test_a_peak_between_two_looks_counts():
    code = "held = b'x' * 200_000_000; del held; import time; time.sleep(0.5)"
    assert 200 * MB < measure(python(code)).peak_rss_bytes < 240 * MB


def test_memory_of_the_measuring_process_does_not_count():
    held = b"x" * (300 * MB)
    measured = measure(python(HOLD.format(size=1, seconds=0.4)))
    assert len(held) == 300 * MB
    assert 0 < measured.peak_process_bytes < 100 * MB


def test_a_failure_says_what_was_printed():
    with pytest.raises(MeasuredError, match="ValueError: alas"):
        measure(python("raise ValueError('alas')"))


def test_what_takes_too_long_is_ended_with_its_children(tmp_path):
    note = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], "
        "stdin=subprocess.PIPE)\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "child.wait()"
    )
    with pytest.raises(MeasuredTimeoutError, match=r"not done after 1\.5 s"):
        measure(python(code), timeout_s=1.5)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(int(note.read_text())) and time.monotonic() < deadline:
        child = psutil.Process(int(note.read_text()))
        if child.status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        assert not psutil.pid_exists(int(note.read_text()))


def test_a_call_happens_elsewhere_and_returns_its_result():
    import math

    measured, value = measure_call(math.hypot, 3, 4)
    assert value == 5
    assert measured.seconds > 0


def test_runs_take_turns():
    order = []

    def run(name):
        order.append(name)
        return NOTHING, {}

    found = alternate({"a": lambda: run("a"), "b": lambda: run("b")}, 2)
    assert order == ["a", "b", "a", "b"]
    assert [len(attempts) for attempts in found.values()] == [2, 2]


def test_a_side_that_takes_too_long_is_given_up():
    def slow():
        raise MeasuredTimeoutError("slow")

    found = alternate({"a": lambda: (NOTHING, {}), "b": slow}, 2)
    assert found == {"a": [(NOTHING, {})] * 2}
