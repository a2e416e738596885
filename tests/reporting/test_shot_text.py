"""Captions say what is recorded, and do without what is not."""

from dfhpc.reporting.shot_text import (
    crop_captions,
    frame_captions,
    place_text,
    preview_caption,
)

PLAIN = {"frame_index": 30, "time_s": 1.2, "status": "ok", "num_faces": 1}
FACE = PLAIN | {"box": [1, 2, 30, 40], "confidence": 0.98765, "mirrored": True}
GOOD = FACE | {
    "num_faces": 3,
    "track": 1,
    "quality": {"size_px": 29, "blur": 12.6, "brightness": 99.4},
}


def test_a_face_as_older_marks_tell_of_it():
    assert frame_captions("a/b.mp4", "fake", FACE) == (
        "a/b.mp4",
        "fake · frame 30 at 1.20 s · confidence 0.988",
        "30 px · found mirrored",
    )


def test_quality_and_track_where_they_are_recorded():
    third = frame_captions("v", "real", GOOD)[2]
    assert third == "29 px · blur 13 · light 99 · 3 faces · track 1 · found mirrored"
    assert crop_captions("v", "FaceSwap", GOOD) == (
        "v",
        "frame 30 · 0.988",
        "FaceSwap · 29 px · blur 13 · light 99",
    )


def test_a_miss_says_what_it_is():
    miss = PLAIN | {"status": "no_face", "num_faces": 0}
    assert frame_captions("v", "real", miss)[1:] == (
        "real · frame 30 at 1.20 s",
        "no face",
    )
    assert preview_caption(miss) == "frame 30 at 1.20 s · no face"


def test_an_image_is_called_by_its_name():
    assert place_text(PLAIN | {"name": "f_30.png"}) == "f_30.png"
    assert crop_captions("v", "", FACE | {"name": "f.png"})[1] == "f.png · 0.988"
