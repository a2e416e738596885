"""Faces keep their numbers while they can be followed, and nobody gets another's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfhpc.faces.detector import Detection
from dfhpc.faces.tracking import MAX_GAP, by_importance, distances, follow_faces


def face(x, y=100, side=40):
    return Detection((x, y, side, side), 1.0, None)


def with_landmarks(x, y, width, height):
    spots = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    points = tuple((x + a * width, y + b * height) for a, b in spots)
    return Detection((x, y, width, height), 1.0, points)


boxes = st.tuples(
    st.integers(0, 1000),
    st.integers(0, 600),
    st.integers(20, 200),
    st.integers(20, 200),
)
scenes = st.lists(
    st.lists(boxes, max_size=5, unique=True).map(
        lambda found: [with_landmarks(*box) for box in found]
    ),
    max_size=6,
)


@given(scenes)
@settings(deadline=None, max_examples=50)
def test_numbers_are_dense_by_appearance_and_once_a_frame(frames):
    tracks = follow_faces([float(i) for i in range(len(frames))], frames)
    assert [len(ids) for ids in tracks] == [len(faces) for faces in frames]
    assert all(len(set(ids)) == len(ids) for ids in tracks)
    seen: set[int] = set()
    for ids in tracks:
        new = set(ids) - seen
        assert new == set(range(len(seen), len(seen) + len(new)))
        seen |= new


@given(scenes, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_the_order_of_a_frames_faces_changes_nothing(frames, random):
    times = [i / 2 for i in range(len(frames))]
    orders = [random.sample(range(len(faces)), len(faces)) for faces in frames]
    shuffled = [
        [faces[at] for at in order] for faces, order in zip(frames, orders, strict=True)
    ]
    expected = follow_faces(times, frames)
    for ids, order, own in zip(
        follow_faces(times, shuffled), orders, expected, strict=True
    ):
        assert ids == [own[at] for at in order]


@given(scenes, st.sampled_from([2, 4]))
@settings(deadline=None, max_examples=50)
def test_the_size_of_the_picture_changes_nothing(frames, scale):
    def scaled(one):
        points = tuple((scale * x, scale * y) for x, y in one.landmarks)
        return Detection(tuple(scale * value for value in one.box), 1.0, points)

    times = [i / 2 for i in range(len(frames))]
    larger = [[scaled(one) for one in faces] for faces in frames]
    assert follow_faces(times, larger) == follow_faces(times, frames)


def test_a_face_that_moves_farther_than_it_is_wide_is_followed():
    frames = [[face(100 + 52 * i)] for i in range(7)]
    assert follow_faces([1.2 * i for i in range(7)], frames) == [[0]] * 7


def test_what_is_far_at_once_is_near_a_second_later():
    frames = [[face(100)], [face(160)]]
    assert follow_faces([0.0, 0.04], frames) == [[0], [1]]
    assert follow_faces([0.0, 1.0], frames) == [[0], [0]]


def test_too_far_is_somebody_else():
    assert follow_faces([0.0, 60.0], [[face(100)], [face(190)]]) == [[0], [1]]


@pytest.mark.parametrize("missed", range(MAX_GAP + 2))
def test_a_face_may_be_missing_for_some_frames(missed):
    frames = [[face(100)], *[[]] * missed, [face(110)]]
    tracks = follow_faces([float(i) for i in range(len(frames))], frames)
    assert tracks[-1] == [0 if missed <= MAX_GAP else 1]


def test_all_together_go_the_shortest_way():
    # The left one ends nearer to where the right one was than the right one does.
    frames = [[face(100), face(150)], [face(130), face(180)]]
    assert follow_faces([0.0, 1.0], frames) == [[0, 1], [0, 1]]


def test_a_small_face_behind_is_not_a_large_one_in_front():
    frames = [[face(100, 100, 90)], [face(125, 120, 45)]]
    assert follow_faces([0.0, 1.0], frames) == [[0], [1]]


def test_who_was_seen_last_goes_first():
    # Somebody passed nearer to where the face is now than it was itself, and is gone.
    frames = [[face(100)], [face(100), face(150)], [face(100)], [face(148)]]
    tracks = follow_faces([0.0, 1.0, 2.0, 3.0], frames)
    assert tracks == [[0], [0, 1], [0], [0]]


def test_landmarks_tell_more_than_boxes():
    # Same boxes, but the nose and the mouth have moved: a turn of the head.
    one = with_landmarks(100, 100, 40, 40)
    turned = Detection(one.box, 1.0, tuple((x + 8, y) for x, y in one.landmarks))
    assert distances([one], [turned])[0, 0] == pytest.approx(0.2)
    bare = Detection(one.box, 1.0, None)
    assert distances([bare], [turned])[0, 0] == 0


def test_importance_is_frames_then_size_then_number():
    frames = [
        [face(0), face(200), face(400), face(600)],
        [face(0), face(205, side=44), face(402)],
        [face(0)],
    ]
    tracks = follow_faces([0.0, 1.0, 2.0], frames)
    assert by_importance(frames, tracks) == [0, 1, 2, 3]
