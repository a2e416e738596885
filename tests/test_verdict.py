"""What is said of a video and of each person in it."""

import numpy as np
import pytest

from dfhpc.evaluation import ScoredFrames, evaluate_part
from dfhpc.extraction.records import FrameRecord, VideoRecord
from dfhpc.probability_maps import GRID, ProbabilityMap
from dfhpc.reporting.verdict_text import verdict_text
from dfhpc.verdict import ScoredFace
from dfhpc.verdict import decide as decide_by
from dfhpc.verdict_config import VerdictConfig
from dfhpc.verdict_reasons import Rule
from dfhpc.videos.manifest import Video


def record(num_people=1, num_frames=7):
    frames = tuple(FrameRecord(i, i / 25, "no_face") for i in range(num_frames))
    return VideoRecord("v", "ok", num_people=num_people, frames=frames)


WIDE = VerdictConfig(without_calibration="wide_band")
GOOD = {"size_px": 150, "blur": 300.0, "brightness": 110.0}


def scored(group, track, scores, left=100, **quality):
    return [
        ScoredFace(
            *(group, track, 30 * at, (left + at, 50, 40, 60), score, GOOD | quality)
        )
        for at, score in enumerate(scores)
    ]


def decide(record, faces, frames_per_video, rule=None):
    return decide_by(record, faces, frames_per_video, rule or Rule(limits=WIDE))


def codes(said):
    return [reason.code for reason in said.reasons]


def sentence(said, code):
    [found] = [reason.sentence for reason in said.reasons if reason.code == code]
    return found


def text_of(verdict):
    card = {"split": {"leaky": False}}
    models = [{"decides": True, "card": card}]
    return verdict_text({"path": "v.mp4", "models": models, **verdict.to_json()})


def test_one_person_is_judged_by_the_mean():
    verdict = decide(record(), scored(0, 0, [0.2, 0.4, 0.3, 0.3]), 7)
    assert (verdict.status, verdict.reasons) == ("real", ())
    assert verdict.score == pytest.approx(0.3)
    assert verdict.probability is None
    assert (verdict.frames_scored, len(verdict.people)) == (4, 1)
    person = verdict.people[0]
    assert (person.place, person.judgement.status, person.frames) == ("", "real", 4)
    assert (person.frame_index, person.box) == (60, (102, 50, 40, 60))
    assert person.decides
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
    found = [
        (p.track, p.place, p.judgement.status, codes(p.judgement), p.decides)
        for p in verdict.people
    ]
    assert found == [
        (1, "right", "real", [], False),
        (0, "left", "fake", [], True),
        (2, "center", "inconclusive", ["too_few_faces"], False),
    ]
    assert text_of(verdict).splitlines() == [
        "fake           v.mp4  score 0.800  5 faces",
        "  real         person 1 (right)  score 0.100  7 faces",
        "  fake         person 2 (left)  score 0.800  5 faces",
        "  inconclusive person 3 (center)  score 0.990  2 faces  too_few_faces",
        "  Up to 3 more people were seen and not judged.",
    ]


def test_who_cannot_be_judged_does_not_hide_a_plain_fake():
    faces = [*scored(0, 0, [0.8] * 7), *scored(1, 1, [0.95] * 7, blur=1.0)]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, verdict.score) == ("fake", pytest.approx(0.8))
    assert [p.decides for p in verdict.people] == [True, False]
    faces = [*scored(0, 0, [0.1] * 7), *scored(1, 1, [0.95] * 7, blur=1.0)]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, codes(verdict)) == ("inconclusive", ["faces_too_blurred"])


def test_a_score_that_mixes_people_says_so():
    faces = [*scored(0, 0, [0.95] * 5), *scored(0, 3, [0.3] * 2)]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, codes(verdict)) == ("fake", ["several_people"])
    assert verdict.score == pytest.approx((5 * 0.95 + 2 * 0.3) / 7)
    assert [(p.track, p.frames) for p in verdict.people] == [(0, 5), (3, 2)]
    assert "several_people: The score mixes faces of what seem to be 2" in text_of(
        verdict
    )


def test_a_score_that_nobody_bears_out_alone_decides_nothing():
    faces = [*scored(0, 0, [0.9, 0.9]), *scored(0, 3, [0.9, 0.95])]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, codes(verdict)) == ("inconclusive", ["several_people"])
    faces = [*scored(0, 0, [0.1] * 4), *scored(0, 3, [0.2, 0.2])]
    assert decide(record(num_people=2), faces, 7).status == "real"


def test_nobody_with_enough_faces_is_inconclusive():
    faces = [*scored(0, 0, [0.1, 0.1]), *scored(1, 1, [0.9])]
    verdict = decide(record(num_people=2), faces, 7)
    assert (verdict.status, codes(verdict)) == ("inconclusive", ["too_few_faces"])
    assert sentence(verdict, "too_few_faces") == (
        "Too few usable faces: 2, and a verdict needs 3."
    )
    assert verdict.score == pytest.approx(0.1)


def test_without_faces_there_is_no_score():
    verdict = decide(record(), [], 7)
    assert (verdict.status, codes(verdict)) == ("not_applicable", ["no_face"])
    assert sentence(verdict, "no_face") == "No face was found in 7 sampled frames."
    assert verdict.people == ()
    broken = VideoRecord("v", "error", "empty", "It is empty.")
    assert codes(decide(broken, [], 7)) == ["empty"]


@pytest.mark.parametrize(
    ("quality", "code", "words"),
    [
        ({"size_px": 40}, "faces_too_small", "40 pixels, and a verdict needs 60"),
        ({"blur": 8.0}, "faces_too_blurred", "its sharpness is 8"),
        ({"size_px": 420}, "quality_outside_training", "much larger"),
        ({"blur": 2500.0}, "quality_outside_training", "sharper or noisier"),
        ({"blur": 40.0}, "quality_outside_training", "much more blurred"),
        ({"brightness": 20.0}, "quality_outside_training", "20 of 255 gray values"),
        ({"brightness": 240.0}, "quality_outside_training", "much brighter"),
    ],
)
def test_poor_and_unknown_pictures_are_not_judged(quality, code, words):
    ranges = {
        "size_px": {"low": 100.0, "median": 150.0, "high": 200.0},
        "blur": {"low": 100.0, "median": 300.0, "high": 900.0},
        "brightness": {"low": 60.0, "median": 100.0, "high": 160.0},
    }
    rule = Rule(ranges=ranges, limits=WIDE)
    verdict = decide(record(), scored(0, 0, [0.9] * 7, **quality), 7, rule)
    assert (verdict.status, codes(verdict)) == ("inconclusive", [code])
    assert words in sentence(verdict, code)
    near = {name: value * 1.5 for name, value in quality.items() if value < 60}
    if code == "quality_outside_training" and near:
        again = decide(record(), scored(0, 0, [0.9] * 7, **near), 7, rule)
        assert again.status == "fake"


def test_one_odd_frame_does_not_spoil_the_quality_of_a_video():
    faces = scored(0, 0, [0.9] * 7)
    faces[0] = scored(0, 0, [0.9], blur=0.1, size_px=20)[0]
    assert decide(record(), faces, 7).status == "fake"


def test_frames_that_disagree():
    verdict = decide(record(), scored(0, 0, [0.9, 0.99, 0.99, 0.95, 0.3, 0.3, 0.3]), 7)
    assert (verdict.status, codes(verdict)) == ("inconclusive", ["frames_disagree"])
    assert "4 of 7 look fake, and 3 look real" in sentence(verdict, "frames_disagree")
    verdict = decide(record(), scored(0, 0, [0.9] * 5 + [0.3] * 2), 7)
    assert verdict.status == "fake"


def calibrated(band=(0.5, 0.7), threshold=0.7):
    interval = {"low": [0.1] * len(GRID), "high": [0.9] * len(GRID)}
    known = {"slope": 1.0, "intercept": 0.0, "interval": interval}
    return Rule(ProbabilityMap("platt", known), threshold, band)


@pytest.mark.parametrize(
    ("score", "status"), [(0.71, "fake"), (0.6, "inconclusive"), (0.49, "real")]
)
def test_a_calibrated_probability_decides(score, status):
    verdict = decide(record(), scored(0, 0, [score] * 7), 7, calibrated())
    assert verdict.status == status
    assert verdict.probability["value"] == pytest.approx(score)
    assert "probability 0." in text_of(verdict)
    assert "[0.10, 0.90]" in text_of(verdict)
    if status == "inconclusive":
        words = "between 0.50 and 0.70 too many videos would be called wrong"
        assert words in sentence(verdict, "undecided_score")


def test_without_a_calibration_nothing_is_said_unless_asked_for():
    unknown = ProbabilityMap("none", {"why": "There are too few videos."})
    verdict = decide(record(), scored(0, 0, [0.99] * 7), 7, Rule(unknown))
    assert (verdict.status, codes(verdict)) == ("inconclusive", ["not_calibrated"])
    assert sentence(verdict, "not_calibrated") == (
        "How often this model is wrong is not known. There are too few videos."
    )
    assert verdict.score == pytest.approx(0.99)


def test_uncalibrated_scores_leave_more_undecided():
    verdict = decide(record(), scored(0, 0, [0.64] * 7), 7)
    assert codes(verdict) == ["undecided_score"]
    assert "not calibrated" in sentence(verdict, "undecided_score")


def test_a_model_that_says_nothing_decides_nothing():
    useless = ProbabilityMap("none", {"why": "Its scores say nothing."})
    rule = Rule(useless, band=(0.0, 1.0), limits=WIDE)
    verdict = decide(record(), scored(0, 0, [0.99] * 7), 7, rule)
    assert sentence(verdict, "undecided_score") == "Its scores say nothing."


def test_limits_are_settings():
    limits = VerdictConfig(min_face_px=200, without_calibration="wide_band")
    rule = Rule(limits=limits)
    verdict = decide(record(), scored(0, 0, [0.9] * 7), 7, rule)
    assert codes(verdict) == ["faces_too_small"]


def test_what_of_a_file_was_not_judged_is_noted():
    frames = tuple(FrameRecord(i, i / 25, "unreadable") for i in range(2))
    partial = VideoRecord("v", "partial", "truncated+unreadable", frames=frames)
    verdict = decide(partial, scored(0, 0, [0.9] * 7), 7)
    assert verdict.status == "fake"
    assert codes(verdict) == ["truncated", "unreadable_frames"]
    assert sentence(verdict, "unreadable_frames").startswith("2 of 2 sampled frames")


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
