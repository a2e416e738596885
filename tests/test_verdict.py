"""What is said of a video and of each person in it."""

import numpy as np
import pytest

from dfhpc.evaluation import ScoredFrames, evaluate_part
from dfhpc.extraction.records import FrameRecord, VideoRecord
from dfhpc.reporting.verdict_text import verdict_text
from dfhpc.verdict import ScoredFace, decide
from dfhpc.videos.manifest import Video


def record(num_people=1, num_frames=7):
    frames = tuple(FrameRecord(i, i / 25, "no_face") for i in range(num_frames))
    return VideoRecord("v", "ok", num_people=num_people, frames=frames)


def scored(group, track, scores, left=100):
    return [
        ScoredFace(group, track, 30 * at, (left + at, 50, 40, 60), score)
        for at, score in enumerate(scores)
    ]


def text_of(verdict):
    card = {"split": {"leaky": False}}
    return verdict_text({"path": "v.mp4", "model": card, **verdict.to_json()})


def test_one_person_is_judged_by_the_mean():
    verdict = decide(record(), scored(0, 0, [0.2, 0.4, 0.3, 0.3]), 7)
    assert (verdict.status, verdict.reason) == ("real", "")
    assert verdict.score == pytest.approx(0.3)
    assert (verdict.frames_scored, len(verdict.people)) == (4, 1)
    person = verdict.people[0]
    assert (person.place, person.status, person.frames) == ("", "real", 4)
    assert (person.frame_index, person.box) == (60, (102, 50, 40, 60))
    assert text_of(verdict) == "real           v.mp4  score 0.300  4 faces"


def test_one_fake_face_makes_a_fake_video():
    faces = [
        *scored(0, 1, [0.1] * 7, left=900),
        *scored(1, 0, [0.8] * 5, left=100),
        *scored(2, 2, [0.99, 0.99], left=500),
    ]
    verdict = decide(record(num_people=6), faces, 7)
    assert (verdict.status, verdict.score) == ("fake", pytest.approx(0.8))
    assert (verdict.frames_scored, verdict.people_not_scored) == (5, 3)
    found = [(p.track, p.place, p.status, p.reason) for p in verdict.people]
    assert found == [
        (1, "right", "real", ""),
        (0, "left", "fake", ""),
        (2, "center", "inconclusive", "too_few_faces"),
    ]
    assert text_of(verdict).splitlines() == [
        "fake           v.mp4  score 0.800  5 faces",
        "  real         person 1 (right)  score 0.100  7 faces",
        "  fake         person 2 (left)  score 0.800  5 faces",
        "  inconclusive person 3 (center)  score 0.990  2 faces  too_few_faces",
        "  Up to 3 more people were seen and not judged.",
    ]


def test_a_score_that_mixes_people_says_so():
    faces = [*scored(0, 0, [0.9] * 4), *scored(0, 3, [0.3] * 3)]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, verdict.reason) == ("fake", "several_people")
    assert verdict.score == pytest.approx((4 * 0.9 + 3 * 0.3) / 7)
    assert [(p.track, p.frames) for p in verdict.people] == [(0, 4), (3, 3)]
    assert "several_people: The score mixes faces of what seem to be 2" in text_of(
        verdict
    )


def test_nobody_with_enough_faces_is_inconclusive():
    faces = [*scored(0, 0, [0.1, 0.1]), *scored(1, 1, [0.9])]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, verdict.reason) == ("inconclusive", "too_few_faces")
    assert verdict.detail == "2 usable faces; a verdict needs 3."
    assert verdict.score == pytest.approx(0.1)


def test_without_faces_there_is_no_score():
    verdict = decide(record(), [], 7)
    assert (verdict.status, verdict.reason) == ("not_applicable", "no_face")
    assert verdict.detail == "No face was found in 7 frames."
    assert verdict.people == ()
    broken = VideoRecord("v", "error", "empty", "It is empty.")
    assert decide(broken, [], 7).reason == "empty"


def test_evaluation_scores_videos_as_verdicts_do():
    rng = np.random.default_rng(0)
    rows, videos, people, scores, verdicts = [], [], [], [], {}
    for number in range(12):
        video = Video(f"v{number:02d}", f"/v{number}", number % 2, f"g{number}")
        faces = []
        for group in range(rng.integers(1, 4)):
            own = rng.random(rng.integers(1, 8)).tolist()
            faces += scored(group, group, own)
        verdicts[video.video_id] = decide(record(num_people=3), faces, 7).score
        for face in faces:
            rows.append(len(rows))
            videos.append(video)
            people.append(face.slot_group)
            scores.append(face.score)
    none = np.zeros(len(rows))
    frames = ScoredFrames(
        rows=np.array(rows),
        videos=tuple(videos),
        person=np.array(people),
        track=none.astype(np.int32),
        frame_index=none.astype(np.int32),
        time_s=none,
        scores={"m": np.array(scores)},
        needed=3,
    )
    order = rng.permutation(len(rows))
    shuffled = ScoredFrames(
        rows=frames.rows[order],
        videos=tuple(videos[at] for at in order),
        person=frames.person[order],
        track=frames.track,
        frame_index=frames.frame_index,
        time_s=none,
        scores={"m": frames.scores["m"][order]},
        needed=3,
    )
    labels = np.array([number % 2 for number in range(12)])
    brier = np.mean((np.array(list(verdicts.values())) - labels) ** 2)
    for found in (frames, shuffled):
        assert evaluate_part(found, "m", 0)["video"]["brier"] == pytest.approx(brier)
