"""What takes too long to close fails nothing; what else fails is raised."""

import contextlib

import pytest

from dfhpc.cluster.closing import closed_patiently


@contextlib.contextmanager
def opened(ended, error=None):
    try:
        yield "it"
    finally:
        ended.append(1)
        if error is not None:
            raise error


def test_a_close_that_takes_too_long_fails_nothing():
    ended = []
    with closed_patiently(opened(ended, TimeoutError())) as found:
        assert found == "it"
    assert ended == [1]


def test_other_errors_are_raised_and_it_is_closed():
    ended = []
    with (
        pytest.raises(TimeoutError, match="of the block"),
        closed_patiently(opened(ended)),
    ):
        raise TimeoutError("of the block")
    with (
        pytest.raises(OSError, match="full"),
        closed_patiently(opened(ended, OSError("full"))),
    ):
        pass
    assert ended == [1, 1]
