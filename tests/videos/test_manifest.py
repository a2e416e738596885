import random

import pytest

from dfhpc.errors import DataLayoutError
from dfhpc.videos.manifest import (
    Video,
    in_seeded_order,
    manifest_hash,
    read_manifest,
    write_manifest,
)


def _videos(count: int) -> list[Video]:
    return [
        Video(f"v{i}.mp4", f"/d/v{i}.mp4", i % 2, f"g{i // 2}") for i in range(count)
    ]


def test_order_depends_on_seed_and_not_on_the_order_of_files():
    videos = _videos(40)
    shuffled = random.Random(1).sample(videos, 40)
    assert in_seeded_order(videos, 3) == in_seeded_order(shuffled, 3)
    assert in_seeded_order(videos, 3) != in_seeded_order(videos, 4)
    assert in_seeded_order(videos, 3) != videos


def test_a_new_video_moves_no_other():
    before = in_seeded_order(_videos(10), 0)
    after = in_seeded_order([*_videos(10), Video("new", "/new", 0, "n")], 0)
    assert [video for video in after if video.video_id != "new"] == before


def test_ids_that_collide_are_refused():
    with pytest.raises(DataLayoutError, match="occur more than once"):
        in_seeded_order([*_videos(2), *_videos(1)], 0)


def test_written_and_read_back_with_odd_names(tmp_path):
    names = ["a b.mp4", 'ü,"quote".mp4', "line\nbreak.mp4", "\udcff.mp4", " a ", "a\r"]
    videos = [Video(name, f"/x/{name}", 1, name, "m", "test", 7) for name in names]
    path = tmp_path / "manifest.csv"
    write_manifest(path, videos)
    assert read_manifest(path) == videos
    assert manifest_hash(read_manifest(path)) == manifest_hash(videos)


def test_hash_ignores_where_the_files_lie_and_nothing_else():
    one, moved = Video("a", "/x/a", 1, "g"), Video("a", "/y/a", 1, "g")
    relabelled = Video("a", "/x/a", 0, "g")
    assert manifest_hash([one]) == manifest_hash([moved])
    assert manifest_hash([one]) != manifest_hash([relabelled])


def test_a_table_that_is_no_manifest_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataLayoutError, match="not a manifest"):
        read_manifest(path)
