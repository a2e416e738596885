import pytest

from dfhpc.config import DataConfig
from dfhpc.errors import DataLayoutError
from dfhpc.videos.layouts import read_videos


def test_whole_groups_are_taken_up_to_the_limit(clips):
    _, every = read_videos(DataConfig(path=clips))
    sizes = {}
    for video in every:
        sizes[video.group_id] = sizes.get(video.group_id, 0) + 1
    assert set(sizes.values()) == {6}
    for most, count in ((6, 6), (13, 12), (24, 24), (1000, 24)):
        _, taken = read_videos(DataConfig(path=clips, max_videos=most))
        assert len(taken) == count
        groups = {video.group_id for video in taken}
        assert sum(sizes[group] for group in groups) == count
        assert [video for video in every if video.group_id in groups] == taken


def test_less_than_a_group_is_refused(clips):
    with pytest.raises(DataLayoutError, match=r"max_videos 5 .* smallest group .* 6"):
        read_videos(DataConfig(path=clips, max_videos=5))
