"""What a model's card says of its data, and the blind spots that follow."""

from pathlib import Path

import pytest

from dfhpc.config import DataConfig, ExtractConfig
from dfhpc.training_facts import blind_spots, old_facts, training_facts
from dfhpc.videos.manifest import Video

SPLIT = {"kind": "group", "seed": 1, "leaky": False}
EXTRACT = {"faces": "one", "choose": "largest", "frames_per_video": 7}


def ffpp_videos():
    root = "/data/ff"
    return [
        Video("r", f"{root}/original_sequences/youtube/c40/videos/1.mp4", 0, "a"),
        Video(
            "f", f"{root}/manipulated/FaceSwap/c23/videos/1_2.mp4", 1, "a", "FaceSwap"
        ),
        Video(
            "g", f"{root}/manipulated/Deepfakes/c40/videos/1.mp4", 1, "b", "Deepfakes"
        ),
    ]


def test_facts_are_those_of_the_videos():
    data = DataConfig(path=Path("/data/ff"), layout="ffpp")
    assert training_facts(data, ffpp_videos()) == {
        "about": "",
        "data": "ff",
        "layout": "ffpp",
        "compression": "c23, c40",
        "methods": ["Deepfakes", "FaceSwap"],
        "videos": 3,
        "real": 1,
        "fake": 2,
        "groups": 2,
        "groups_known": True,
    }


def test_what_the_data_say_of_themselves_is_quoted_first(tmp_path):
    (tmp_path / "ABOUT.txt").write_text("These are\n painted.\n")
    facts = training_facts(DataConfig(path=tmp_path, layout="ffpp"), ffpp_videos())
    assert facts["about"] == "These are painted."
    extract = ExtractConfig().model_dump()
    first, *_ = blind_spots(facts, {"leaky": False}, extract)
    assert first == "Of its training data is said: These are painted."


@pytest.mark.parametrize(
    ("facts", "split", "extract", "words"),
    [
        ({}, {}, {}, "made by Deepfakes and FaceSwap"),
        ({"methods": []}, {}, {}, "Nothing tells which methods"),
        ({}, {}, {}, "compressed as c23, c40"),
        ({"compression": None}, {}, {}, "All its training videos are from ff"),
        ({}, {}, {}, "show 2 groups of people"),
        ({"groups": 1}, {}, {}, "show one group of people"),
        ({"groups_known": False}, {}, {}, "Nothing tells who is in"),
        ({}, {"leaky": True}, {}, "LEAKY"),
        ({}, {}, {}, "one face a frame, the largest one"),
        ({}, {}, {"frames_per_video": 32}, "at most 32 single frames"),
    ],
)
def test_blind_spots_follow_from_facts(facts, split, extract, words):
    data = DataConfig(path=Path("/data/ff"), layout="ffpp")
    known = training_facts(data, ffpp_videos()) | facts
    spots = blind_spots(known, SPLIT | split, EXTRACT | extract)
    assert sum(words in sentence for sentence in spots) == 1


def test_what_does_not_hold_is_not_said():
    data = DataConfig(path=Path("/data/ff"), layout="ffpp")
    known = training_facts(data, ffpp_videos()) | {"groups": 500}
    text = " ".join(blind_spots(known, SPLIT, EXTRACT | {"faces": "all"}))
    for words in ("LEAKY", "groups of people", "one face a frame", "Nothing tells"):
        assert words not in text


def test_a_card_of_an_older_dfhpc_has_blind_spots_too():
    data = DataConfig(path=Path("/data/ff"), compression="c23").model_dump(mode="json")
    spots = blind_spots(old_facts(data), SPLIT, EXTRACT)
    assert any("compressed as c23" in sentence for sentence in spots)
