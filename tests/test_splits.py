import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfhpc.audit import audit_parts, is_clean
from dfhpc.config import SplitConfig
from dfhpc.errors import SplitError
from dfhpc.splits import PARTS, Split, source_ids, split_rows, split_videos
from dfhpc.videos.manifest import Video


def _ffpp(num_pairs, methods=("Deepfakes",)):
    videos = []
    for pair in range(num_pairs):
        one, two = f"{2 * pair:03d}", f"{2 * pair + 1:03d}"
        group = f"g{pair}"
        for name in (one, two):
            path = f"original_sequences/youtube/c23/videos/{name}.mp4"
            videos.append(Video(path, path, 0, group, "youtube"))
        for method in methods:
            for name in (f"{one}_{two}", f"{two}_{one}"):
                path = f"manipulated_sequences/{method}/c23/videos/{name}.mp4"
                videos.append(Video(path, path, 1, group, method))
    return videos


def _parts(videos, split):
    by_id = {video.video_id: video for video in videos}
    return {part: [by_id[member] for member in split.members(part)] for part in PARTS}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=40),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.1, 0.25]),
)
def test_no_group_is_ever_on_two_sides(sizes, seed, calibration):
    videos = [
        Video(f"{group}-{label}-{i}", "", label, f"g{group}")
        for group, counts in enumerate(sizes)
        for label, count in enumerate(counts)
        for i in range(count)
    ]
    config = SplitConfig(seed=seed, calibration_share=calibration)
    try:
        split = split_videos(videos, config)
    except SplitError:
        return
    parts = _parts(videos, split)
    assert is_clean(audit_parts(parts))
    everyone = [video.video_id for part in PARTS for video in parts[part]]
    assert sorted(everyone) == sorted(video.video_id for video in videos)
    for part in ("train", "test"):
        assert {video.label for video in parts[part]} == {0, 1}


def test_shares_are_met_in_each_class():
    videos = _ffpp(100, ("Deepfakes", "FaceSwap"))
    parts = _parts(videos, split_videos(videos, SplitConfig()))
    for part, share in (("train", 0.7), ("calibration", 0.1), ("test", 0.2)):
        for label, total in ((0, 200), (1, 400)):
            count = sum(video.label == label for video in parts[part])
            assert count == pytest.approx(share * total, abs=0.011 * total)


def test_seed_decides_and_order_does_not():
    videos = _ffpp(20)
    one = split_videos(videos, SplitConfig(seed=1))
    again = split_videos(videos[::-1], SplitConfig(seed=1))
    assert {p: set(one.members(p)) for p in PARTS} == {
        p: set(again.members(p)) for p in PARTS
    }
    assert set(one.test) != set(split_videos(videos, SplitConfig(seed=2)).test)


def test_three_groups_give_one_to_each_part():
    videos = _ffpp(3)
    parts = _parts(videos, split_videos(videos, SplitConfig()))
    assert [len({v.group_id for v in parts[part]}) for part in PARTS] == [1, 1, 1]


def test_two_groups_leave_calibration_empty():
    split = split_videos(_ffpp(2), SplitConfig())
    assert (len(split.train), len(split.calibration), len(split.test)) == (4, 0, 4)


def test_what_cannot_be_split_is_refused():
    with pytest.raises(SplitError, match="one group"):
        split_videos(_ffpp(1), SplitConfig())
    with pytest.raises(SplitError, match="no fake video"):
        split_videos([v for v in _ffpp(4) if v.label == 0], SplitConfig())
    linked = [Video(f"r{i}", "", 0, f"r{i}") for i in range(9)]
    linked += [Video(f"f{i}", "", 1, "all") for i in range(9)]
    with pytest.raises(SplitError, match="All fake videos are in one group"):
        split_videos(linked, SplitConfig())


def test_unlabelled_videos_are_left_out():
    videos = [*_ffpp(3), Video("u", "", -1, "u")]
    split = split_videos(videos, SplitConfig())
    assert all("u" not in split.members(part) for part in PARTS)


def _official_folder(tmp_path):
    lists = {
        "train": [["000", "001"], ["754", "002"]],
        "val": [["606", "567"], ["004", "005"]],
        "test": [["755", "759"], ["006", "007"]],
    }
    for name, pairs in lists.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(pairs))
    return tmp_path


def _sequences(names):
    return [
        Video(
            f"x/{name}.mp4",
            "",
            int("_" in name),
            name,
            "Deepfakes" if "_" in name else "youtube",
        )
        for name in names
    ]


NAMES = (
    *("000", "001", "000_001", "606", "567", "606_567", "004", "005", "004_005"),
    *("755", "759", "755_759", "759_755", "006", "007", "006_007", "000_006", "999"),
)


def test_official_follows_the_files(tmp_path):
    config = SplitConfig(kind="official", files=_official_folder(tmp_path))
    split = split_videos(_sequences(NAMES), config)
    names = {p: {m[2:-4] for m in split.members(p)} for p in PARTS}
    assert names["train"] == {"000", "001", "000_001"}
    assert names["calibration"] == {"606", "567", "606_567", "004", "005", "004_005"}
    assert names["test"] == {
        "755",
        "759",
        "755_759",
        "759_755",
        "006",
        "007",
        "006_007",
    }
    assert split.unused == {"in no official part": 2}


def test_official_strict_drops_the_pairs_of_cross_split_uploads(tmp_path):
    config = SplitConfig(kind="official_strict", files=_official_folder(tmp_path))
    split = split_videos(_sequences(NAMES), config)
    assert {m[2:-4] for m in split.test} == {"006", "007", "006_007"}
    assert {m[2:-4] for m in split.calibration} == {"004", "005", "004_005"}
    assert {m[2:-4] for m in split.train} == {"000", "001", "000_001"}


def test_official_by_the_manifest_column():
    videos = [
        Video(f"{split}{label}", "", label, f"{split}{label}", split=split)
        for split in ("train", "val", "Test", "odd")
        for label in (0, 1)
    ]
    split = split_videos(videos, SplitConfig(kind="official"))
    assert split.train == ("train0", "train1")
    assert split.calibration == ("val0", "val1")
    assert split.test == ("Test0", "Test1")
    assert split.unused == {"in no official part": 2}


def test_official_without_lists_is_refused(tmp_path):
    with pytest.raises(SplitError, match=r"train\.json"):
        split_videos(_ffpp(3), SplitConfig(kind="official", files=tmp_path))
    with pytest.raises(SplitError, match=r"split\.files"):
        split_videos(_ffpp(3), SplitConfig(kind="official"))
    with pytest.raises(SplitError, match="cannot be split"):
        split_rows(np.arange(5), SplitConfig(kind="random_rows", test_share=0.89))


def test_random_rows_is_the_published_split():
    from sklearn.model_selection import train_test_split

    rows = np.arange(13_984)
    split = split_rows(rows, SplitConfig(kind="random_rows"))
    train, test = train_test_split(rows, test_size=0.2, random_state=42)
    assert split.train == tuple(train)
    assert split.test == tuple(test)
    assert (len(split.train), len(split.test)) == (11_187, 2_797)
    assert split.is_leaky


def test_split_survives_json():
    split = split_videos(_ffpp(5), SplitConfig())
    assert Split.from_json(json.loads(json.dumps(split.to_json()))) == split


def test_audit_counts_what_leaks():
    videos = _ffpp(2)
    real, fake = videos[0], videos[2]
    audit = audit_parts(
        {"train": [real, *videos[4:]], "calibration": [], "test": [fake]}
    )
    assert audit["overlap"]["train/test"] == {"groups": 1, "videos": 0, "sources": 1}
    assert not is_clean(audit)
    assert audit["balance"]["test"]["fake"] == 1
    assert audit["groups_known"]


def test_audit_knows_when_nothing_is_known():
    lone = [Video(f"v{i}", "", i % 2, f"v{i}") for i in range(4)]
    audit = audit_parts({"train": lone[:2], "calibration": [], "test": lone[2:]})
    assert not audit["groups_known"]
    assert is_clean(audit)


def test_sources_are_known_for_ffpp_only():
    assert source_ids(_ffpp(1)[2]) == ("000", "001")
    assert source_ids(Video("a_b.mp4", "", 1, "g", "dfdc")) == ("a_b.mp4",)
