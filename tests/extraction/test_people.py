"""Rows for each person of a video, or for the chosen face; the others are recorded."""

import dataclasses

import numpy as np
import pytest

from dfhpc.config import ExtractConfig
from dfhpc.extraction import people, video
from dfhpc.extraction.finalize import iter_slots
from dfhpc.extraction.video import extract_video
from dfhpc.faces.crop import crop_face
from dfhpc.faces.quality import face_quality
from dfhpc.videos.decoding import read_frames
from tests.people_clips import write_two_people

ONE = ExtractConfig(detector="haar", stride=8, frames_per_video=4)
ALL = ExtractConfig(
    detector="haar", stride=8, frames_per_video=4, faces="all", max_people=3
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_two_people(tmp_path_factory.mktemp("pair") / "pair.mp4")


@pytest.fixture(scope="module")
def found(clip):
    return extract_video("v", clip, ALL)


def assert_same(one, other):
    assert one[0] == other[0]
    assert len(one[1]) == len(other[1])
    for left, right in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(left, right)


def test_each_person_has_a_group_of_slots(found, clip):
    record, faces = found
    assert record.num_people == 2
    assert len(faces) == 2 * 4
    assert all(face is not None for face in faces)
    pixels = [frame.pixels for frame in read_frames(clip, lambda _: [0, 8, 16, 24])[1]]
    for number, frame in enumerate(record.frames):
        assert {seen.slot_group for seen in frame.seen} == {0, 1}
        for seen in frame.seen:
            assert seen.track == (0 if seen.face.box[0] < 320 else 1)
            expected = crop_face(pixels[number], seen.face.box, "square", 0.3)
            face = faces[seen.slot_group * 4 + number]
            np.testing.assert_array_equal(face, expected)
            assert seen.quality == face_quality(expected, seen.face.box)


def test_with_one_face_a_frame_the_others_are_recorded(found, clip):
    record, faces = extract_video("v", clip, ONE)
    assert (record.num_people, len(faces)) == (2, 4)
    for number, (frame, other) in enumerate(
        zip(record.frames, found[0].frames, strict=True)
    ):
        chosen, beside = frame.seen
        assert chosen.face.box[2] >= beside.face.box[2]
        assert [seen.track for seen in frame.seen] == [s.track for s in other.seen]
        assert (chosen.slot_group, beside.slot_group) == (0, None)
        assert chosen.quality is not None
        assert beside.quality is None
        same = found[1][other.seen[0].slot_group * 4 + number]
        np.testing.assert_array_equal(faces[number], same)


def test_people_beyond_the_limit_are_counted(found, clip):
    record, faces = extract_video("v", clip, ALL.model_copy(update={"max_people": 1}))
    assert (record.num_people, len(faces)) == (2, 4)
    for frame, other in zip(record.frames, found[0].frames, strict=True):
        assert {seen.slot_group for seen in frame.seen} == {0, None}
        assert [seen.face for seen in frame.seen] == [seen.face for seen in other.seen]


def read_twice(monkeypatch, second):
    """Let memory hold nothing, and have ``second`` read the video a second time."""
    read = []

    def noted(path, images, choose, extract):
        read.append(path)
        return second(path, choose)

    monkeypatch.setattr(people, "HELD_BYTES", -(10**9))
    monkeypatch.setattr(video, "read_again", noted)
    return read


def whole(path, choose):
    return read_frames(path, choose)[1]


def shortened(path, choose):
    return read_frames(path, lambda times_s: choose(times_s[:20]))[1]


def unreadable(path, choose):
    for frame in read_frames(path, choose)[1]:
        yield dataclasses.replace(frame, pixels=None)


def test_a_crowd_that_memory_cannot_hold_is_read_again(found, clip, monkeypatch):
    read = read_twice(monkeypatch, whole)
    assert_same(extract_video("v", clip, ALL), found)
    assert read == [clip]


@pytest.mark.parametrize("second", [shortened, unreadable])
def test_a_video_that_changes_meanwhile_is_an_error(clip, monkeypatch, second):
    read_twice(monkeypatch, second)
    record, faces = extract_video("v", clip, ALL)
    assert (record.status, record.reason) == ("error", "changed")
    assert faces == []


def test_records_name_frame_and_face_of_each_slot(found):
    record, faces = found
    slots = list(iter_slots(record.to_json()["frames"], 4))
    assert [slot for slot, _, _ in slots] == list(range(len(faces)))
    assert [frame["frame_index"] for _, frame, _ in slots] == [0, 8, 16, 24] * 2
    for slot, _, face in slots:
        assert face["slot_group"] == slot // 4
        assert face["quality"]["brightness"] > 0


def test_a_video_without_faces_has_the_slots_of_its_frames():
    frames = [{"frame_index": 0, "time_s": 0.0, "status": "no_face"}] * 2
    assert [(slot, face) for slot, _, face in iter_slots(frames, 7)] == [
        (0, None),
        (1, None),
    ]


class TestRealClips:
    def test_walking_people_keep_their_slots(self, data_dir):
        path = data_dir / "several_people.mp4"
        record, faces = extract_video("v", path, ExtractConfig(faces="all"))
        frames = record.frames
        assert [frame.frame_index for frame in frames] == [0, 30, 60, 90]
        assert sum(len(frame.seen) for frame in frames) == 21
        left_edges = {
            group: [
                seen.face.box[0]
                for frame in frames
                for seen in frame.seen
                if seen.slot_group == group
            ]
            for group in range(4)
        }
        # As a person who looked at the frames told them apart.
        assert left_edges[0] == pytest.approx([913, 979, 911, 781], abs=10)  # a boy
        assert left_edges[1] == pytest.approx([674, 630, 525, 448], abs=10)  # red hair
        assert left_edges[2] == pytest.approx([260, 204, 216], abs=10)  # white hair
        assert record.num_people == 10
        assert sum(face is not None for face in faces) == 14

    def test_a_still_speaker_is_one_person_through_misses(self, data_dir):
        path = data_dir / "dfdc" / "abofeumbvv.mp4"
        record, _ = extract_video("v", path, ExtractConfig())
        assert record.status == "partial"
        assert record.num_people == 1
