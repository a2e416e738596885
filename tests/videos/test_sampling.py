import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfhpc.config import ExtractConfig
from dfhpc.videos.sampling import (
    Sampler,
    per_second_indices,
    spread_indices,
    stride_indices,
)


def test_stride_30_and_7_are_the_frames_of_the_published_work():
    assert stride_indices(390, 30, 7) == [0, 30, 60, 90, 120, 150, 180]
    assert stride_indices(100, 30, 7) == [0, 30, 60, 90]


@given(st.integers(0, 5000), st.integers(1, 64))
def test_spread_takes_distinct_ascending_frames_from_first_to_last(num_frames, limit):
    indices = spread_indices(num_frames, limit)
    assert len(indices) == min(num_frames, limit)
    assert indices == sorted(set(indices))
    if len(indices) > 1:
        assert (indices[0], indices[-1]) == (0, num_frames - 1)


@pytest.mark.parametrize(
    ("fps", "per_second", "expected"),
    [(25, 1, [0, 25, 50]), (30, 2, [0, 15, 30]), (10, 0.5, [0, 20, 40])],
)
def test_per_second_takes_the_first_frame_of_each_interval(fps, per_second, expected):
    times = [index / fps for index in range(60)]
    assert per_second_indices(times, per_second, 3) == expected


def test_per_second_follows_times_and_not_counts():
    times = [0.0, 0.1, 0.2, 5.0, 5.1, 9.0]
    assert per_second_indices(times, 1, 10) == [0, 3, 5]


def test_per_second_all_takes_every_frame_up_to_the_limit():
    assert per_second_indices([0.0, 0.04, 0.08], "all", 2) == [0, 1]


def test_no_frames_give_no_indices():
    for policy in ("stride", "per_second", "spread"):
        extract = ExtractConfig(policy=policy, frames_per_video=7)
        assert Sampler(extract).choose([]) == []


def test_frames_that_are_left_out_are_known():
    times = [index / 25 for index in range(100)]
    for limit, cut in ((4, False), (3, True)):
        extract = ExtractConfig(policy="per_second", frames_per_video=limit)
        sampler = Sampler(extract)
        assert sampler.choose(times) == [0, 25, 50, 75][:limit]
        assert sampler.has_cut == cut
    every = Sampler(
        ExtractConfig(policy="per_second", per_second="all", frames_per_video=99)
    )
    assert every.choose(times) == list(range(99))
    assert every.has_cut
    strided = Sampler(ExtractConfig(stride=1))
    assert len(strided.choose(times)) == 7
    assert not strided.has_cut
