"""Which images are one video, by folders, by names, and by patterns."""

import pytest

from dfhpc.config import DataConfig
from dfhpc.errors import ConfigError, DataLayoutError
from dfhpc.recipes import parse_settings
from dfhpc.videos.layouts import read_videos
from dfhpc.videos.manifest import manifest_hash, read_manifest, write_manifest


def _touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def _read(root, *patterns):
    data = DataConfig(path=root, layout="images", image_groups=patterns)
    return {video.video_id: video for video in read_videos(data)[1]}


def test_a_folder_of_frames_is_one_video(tmp_path):
    _touch(tmp_path, "real/000/0001.png", "real/000/0002.png", "fake/a/f1.jpg")
    _touch(tmp_path, "real/000/.hidden.png", "real/000/notes.txt")
    found = _read(tmp_path)
    assert {name: video.label for name, video in found.items()} == {
        "real/000": 0,
        "fake/a": 1,
    }
    assert found["real/000"].path == str(tmp_path / "real/000")
    assert found["real/000"].images == ""
    assert found["real/000"].bytes == 2


def test_crops_of_work_b_go_together_by_video_in_the_order_of_frames(tmp_path):
    names = [f"fake/Deepfake_video3_image_{i}.jpg" for i in (0, 12, 2)]
    _touch(tmp_path, *names, "fake/Deepfake_video4_image_0.jpg")
    found = _read(tmp_path)
    assert set(found) == {"fake/Deepfake_video3", "fake/Deepfake_video4"}
    assert found["fake/Deepfake_video3"].image_names == tuple(
        f"Deepfake_video3_image_{i}.jpg" for i in (0, 2, 12)
    )


def test_names_that_say_nothing_are_videos_of_their_own(tmp_path):
    _touch(tmp_path, "fake/image_1.jpg", "fake/image_2.jpg", "real/7.png")
    found = _read(tmp_path)
    assert set(found) == {"fake/image_1.jpg", "fake/image_2.jpg", "real/7.png"}
    assert found["real/7.png"].path == str(tmp_path / "real/7.png")


def test_one_word_before_all_numbers_is_no_video(tmp_path):
    _touch(tmp_path, "real/celeba_1.jpg", "real/celeba_2.jpg", "real/x.jpg")
    assert len(_read(tmp_path)) == 3


def test_a_folder_whose_names_tell_videos_apart_is_several(tmp_path):
    _touch(
        tmp_path, *(f"part1/{name}_{i}.png" for name in ("aaq", "bbx") for i in "12")
    )
    assert set(_read(tmp_path)) == {"part1/aaq", "part1/bbx"}


def test_patterns_name_video_and_group(tmp_path):
    _touch(tmp_path, "real/p1-a-1.png", "real/p1-b-1.png", "fake/p1-a-1.png")
    found = _read(tmp_path, r"(?P<video>(?P<group>p\d)-[ab])-\d")
    assert set(found) == {"real/p1-a", "real/p1-b", "fake/p1-a"}
    assert {video.group_id for video in found.values()} == {"p1"}


def test_the_first_group_or_the_match_names_the_video(tmp_path):
    _touch(tmp_path, "x7.png", "x7b.png", "y8.png", "zz.png")
    assert set(_read(tmp_path, r"^(x\d)")) == {"x7", "y8.png", "zz.png"}
    assert set(_read(tmp_path, r"x\d", r"[a-z]\d")) == {"x7", "y8", "zz.png"}


def test_a_video_of_two_groups_is_refused(tmp_path):
    _touch(tmp_path, "v_a.png", "v_b.png")
    with pytest.raises(DataLayoutError, match="2 groups"):
        _read(tmp_path, "(?P<video>v)_(?P<group>.)")


def test_a_wrong_pattern_is_one_sentence():
    with pytest.raises(ConfigError, match=r"image_groups holds '\(', no regular"):
        parse_settings({"data": {"image_groups": ["("]}}, "test")


def test_images_are_in_the_manifest_and_its_hash(tmp_path):
    _touch(tmp_path, "fake/v1_1.jpg", "fake/v1_2.jpg", "fake/v2_1.jpg")
    data = DataConfig(path=tmp_path, layout="images")
    videos = read_videos(data)[1]
    write_manifest(tmp_path / "m.csv", videos)
    assert read_manifest(tmp_path / "m.csv") == videos
    _touch(tmp_path, "fake/v1_3.jpg")
    assert manifest_hash(read_videos(data)[1]) != manifest_hash(videos)


def test_a_manifest_without_the_column_reads_as_before(tmp_path):
    (tmp_path / "m.csv").write_text(
        "video_id,path,label,group_id,method,split,bytes\na,/a.mp4,real,g,,,3\n"
    )
    (video,) = read_manifest(tmp_path / "m.csv")
    assert video.image_names == ()


def test_a_table_may_name_folders_of_images(tmp_path):
    _touch(tmp_path, "d/1.png", "d/2.png")
    table = tmp_path / "t.csv"
    table.write_text("path,images,label\nd,1.png/2.png,fake\nd,,real\n")
    with pytest.raises(DataLayoutError, match="more than once"):
        read_videos(DataConfig(path=table))
    table.write_text("path,images,label,video_id\nd,1.png/2.png,fake,v\n")
    (video,) = read_videos(DataConfig(path=table))[1]
    assert video.image_names == ("1.png", "2.png")


def test_a_folder_of_images_alone_says_how_to_import_them(tmp_path):
    _touch(tmp_path, "real/1.png")
    with pytest.raises(DataLayoutError, match="import-images"):
        read_videos(DataConfig(path=tmp_path))
