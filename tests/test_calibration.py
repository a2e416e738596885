"""Calibration: what is fitted, on which videos, and how it is measured."""

import json

import numpy as np
import pytest

from dfhpc import calibration
from dfhpc.calibration import VideoScores, choose_threshold, fit, measured_rates
from dfhpc.evaluation import ScoredFrames
from dfhpc.splits import Split
from dfhpc.stages import evaluate
from dfhpc.videos.manifest import Video


def videos(num_groups=12, of_class=4, apart=1.0, seed=0):
    """Return scores of videos of both classes in each group."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat(np.array([0, 1], np.int8), of_class), num_groups)
    values = rng.normal(0, 1, len(labels)) + apart * labels
    groups = np.repeat([f"g{at:03d}" for at in range(num_groups)], 2 * of_class)
    return VideoScores(labels, 1 / (1 + np.exp(-values)), tuple(groups.tolist()))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("apart", [0.5, 2.0, 6.0])
def test_errors_outside_the_band_are_as_few_as_asked(rate, apart, seed):
    found = videos(apart=apart, seed=seed)
    known = fit(found, rate, 0)
    if not known.map.is_calibrated:
        return
    values = known.map.apply(found.scores)
    low, high = known.band
    assert 0 <= low < high <= 1
    assert low <= known.threshold <= high
    assert (values[found.labels == 0] > known.threshold).mean() <= rate
    assert (values[found.labels == 1] < low).mean() <= rate


def test_on_new_videos_of_the_same_kind_the_rate_holds():
    rates = []
    for seed in range(20):
        known = fit(videos(30, 5, 1.5, seed), 0.1, 0)
        new = videos(100, 5, 1.5, 1000 + seed)
        report = calibration.report(known, new)["rates"]
        rates.append(report["fpr"])
        assert report["fpr_95"][0] <= report["fpr"] <= report["fpr_95"][1]
    assert 0.07 < np.mean(rates) < 0.12


def test_probabilities_of_new_videos_hold():
    known = fit(videos(60, 5, 1.0), 0.1, 0)
    quality = calibration.report(known, videos(400, 5, 1.0, 77))["quality"]
    assert known.map.kind == "platt"
    assert quality["ece"] < 0.05
    assert quality["videos"] == sum(each["videos"] for each in quality["bins"])


def test_many_videos_get_an_isotonic_map():
    assert fit(videos(130, 4, 1.0), 0.1, 0).map.kind == "isotonic"


@pytest.mark.parametrize(
    ("num_groups", "of_class", "words"),
    [(9, 1, "9 real and 9 fake"), (4, 5, r"groups: 4"), (0, 1, "0 real and 0 fake")],
)
def test_too_few_videos_say_so_and_leave_more_undecided(num_groups, of_class, words):
    import re

    known = fit(videos(num_groups, of_class), 0.1, 0)
    assert known.map.kind == "none"
    assert re.search(words, known.map.parameters["why"])
    assert known.band == (0.35, 0.65)
    assert known.map.probability(0.9) is None


def test_a_model_that_ranks_the_wrong_way_decides_nothing():
    known = fit(videos(apart=-2.0), 0.1, 0)
    assert known.map.kind == "none"
    assert "say nothing" in known.map.parameters["why"]
    assert known.band == (0.0, 1.0)


def test_the_same_videos_give_the_same_bytes():
    texts = {json.dumps(fit(videos(), 0.1, 4).map.to_json()) for _ in range(2)}
    assert len(texts) == 1
    assert json.dumps(fit(videos(), 0.1, 5).map.to_json()) not in texts


def test_intervals_narrow_with_more_groups():
    widths = []
    for num_groups in (6, 60):
        low, high = fit(videos(num_groups), 0.1, 0).map.probability(0.6)["interval_95"]
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_one_group_with_all_reals_leaves_the_interval_open():
    labels = np.repeat(np.array([0, 1], np.int8), 20)
    groups = ("real",) * 20 + tuple(f"g{at // 2}" for at in range(20))
    scores = np.append(np.linspace(0.1, 0.5, 20), np.linspace(0.4, 0.9, 20))
    # A draw of eleven groups lacks the one with probability (10/11)**11 = 0.35.
    known = fit(VideoScores(labels, scores, groups), 0.1, 0)
    low, high = known.map.probability(0.5)["interval_95"]
    assert 0 < low < high < 1


def test_classes_far_apart_prove_no_more_than_their_number():
    def interval(count):
        labels = np.repeat(np.array([0, 1], np.int8), count)
        spread = np.random.default_rng(0).uniform(0, 0.1, 2 * count)
        groups = tuple(f"g{at % 10}" for at in range(2 * count))
        videos = VideoScores(labels, np.abs(labels - spread), groups)
        return fit(videos, 0.1, 0).map.probability(0.97)["interval_95"]

    # None of 10 reals that high: as many as 31 of 100 may be, and 69 of 100 fakes.
    low, high = interval(10)
    assert low == pytest.approx(0.6915 / (0.6915 + 0.3085), abs=0.02)
    assert high > 0.9
    assert interval(200)[0] > 0.95


def test_threshold_is_the_next_highest_real():
    labels = np.repeat(np.array([0, 1], np.int8), 19)
    reals, fakes = np.linspace(0, 0.9, 19), np.linspace(0.1, 1, 19)
    threshold, band = choose_threshold(labels, np.append(reals, fakes), 0.1)
    assert threshold == pytest.approx(np.sort(reals)[17])
    assert band == pytest.approx((np.sort(fakes)[1], threshold))


def test_rates_and_their_intervals():
    labels = np.repeat(np.array([0, 1], np.int8), [20, 10])
    values = np.append(np.linspace(0, 0.19, 20) + 0.001, np.full(10, 0.9))
    found = measured_rates(labels, values, (0.1, 0.18))
    assert (found["fpr"], found["tpr"]) == (pytest.approx(0.1), 1.0)
    assert (found["tnr"], found["fnr"]) == (pytest.approx(0.5), 0.0)
    # As tabulated for 2 of 20 and 10 of 10.
    assert found["fpr_95"] == pytest.approx([0.0123, 0.3170], abs=1e-4)
    assert found["tpr_95"] == pytest.approx([0.6915, 1.0], abs=1e-4)
    none = measured_rates(labels[:0], values[:0], (0.5, 0.5))
    assert (none["fpr"], none["fpr_95"], none["real"]) == (None, None, 0)


def test_calibration_error_of_two_bins():
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0], np.int8)
    values = np.array([0.05] * 4 + [0.95] * 4)
    found = calibration.reliability(labels, values)
    assert found["ece"] == pytest.approx(0.2)
    assert found["brier"] == pytest.approx(((values - labels) ** 2).mean())
    assert [each["share_fake"] for each in found["bins"]] == [0.25, 0.75]
    assert (found["bins"][1]["low"], found["bins"][1]["high"]) == (0.9, 1.0)


def frames_of(found, prefix):
    """Return one frame a video."""
    rows = np.arange(len(found.labels))
    each = [
        Video(f"{prefix}{at}", f"/{prefix}{at}", int(label), group)
        for at, (label, group) in enumerate(
            zip(found.labels, found.groups, strict=True)
        )
    ]
    none = np.zeros(len(rows))
    integers = none.astype(np.int32)
    scores = {"m": found.scores}
    return ScoredFrames(
        rows, tuple(each), rows * 0, integers, integers, none, scores, 1
    )


def without_test(entry):
    threshold = {k: v for k, v in entry["threshold"].items() if k != "test"}
    kept = {k: v for k, v in entry.items() if k != "test"}
    return json.dumps(kept | {"threshold": threshold}, sort_keys=True)


def test_planted_test_groups_change_nothing_that_is_fitted(monkeypatch):
    """Whatever the test part holds, map, threshold and band are the same bytes."""
    split = Split("group", 1, (), (), ())
    own = frames_of(videos(), "calibration")
    seen = []
    real_fit = calibration.fit

    def watching(found, rate, seed):
        seen.extend(found.groups)
        return real_fit(found, rate, seed)

    monkeypatch.setattr(calibration, "fit", watching)
    texts, tests = set(), set()
    marker = VideoScores(
        np.array([0] * 40 + [1], np.int8), np.append(np.ones(40), 0.0), ("marker",) * 41
    )
    for planted in (videos(seed=9), videos(seed=10), marker):
        parts = {"calibration": own, "test": frames_of(planted, "test")}
        [entry] = evaluate._probabilities(["m"], split, parts, 0.1).values()
        texts.add(without_test(entry))
        tests.add(json.dumps(entry["threshold"]["test"]))
    assert len(texts) == 1
    assert len(tests) == 3
    assert "marker" not in seen
    assert set(seen) == {video.group_id for video in own.videos}
