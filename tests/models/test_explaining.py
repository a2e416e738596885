import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from dfhpc.models.explaining import (
    explain_face,
    explain_faces,
    explain_verdict,
    note_explanations,
)
from dfhpc.models.forest import Forest
from dfhpc.models.hiding import Hiding, other_regions, top_region
from dfhpc.models.linear_model import LinearModel, logistic
from tests.verdict_dicts import Crop, make_crops, make_verdict

X, Y, SIDE = 160, 80, 80
"""The region that the models here look at, in no other."""

INSIDE = np.zeros((320, 320, 3), bool)
INSIDE[Y : Y + SIDE, X : X + SIDE] = True


class LooksAtOneRegion:
    """Takes a light region for fake, a dark one for real."""

    def score(self, rows):
        light = rows[:, INSIDE.ravel()].mean(axis=1)
        return logistic((light - 120) / 20)


class LooksAtNothing:
    def score(self, rows):
        return np.full(len(rows), 0.7)


class PointsElsewhere(LooksAtOneRegion):
    def explain(self, row):
        evidence = np.zeros((320, 320), np.float32)
        evidence[240:, :80] = 1
        return evidence


def crop(light=120, inside=120):
    rng = np.random.default_rng(3)
    face = rng.integers(light - 10, light + 10, (320, 320, 3)).astype(np.uint8)
    return Crop(30, 1.2, 5, 0, np.where(INSIDE, np.uint8(inside), face))


@pytest.mark.parametrize(("inside", "side"), [(220, "fake"), (20, "real")])
def test_a_region_that_decides_is_found_and_the_check_holds(inside, side):
    found = explain_face(LooksAtOneRegion(), crop(inside=inside), side)
    assert found.method == "occlusion"
    assert found.region == (X, Y, SIDE, SIDE)
    assert found.holds
    assert (found.score > 0.9) == (side == "fake")
    assert abs(found.score_hidden - 0.5) < 0.15
    assert abs(found.score_random_hidden - found.score) < 0.1
    assert "did use this region" in found.sentence
    assert "mean color" in found.sentence


def test_what_speaks_against_the_answer_does_not_hold():
    """Hiding the darkest region makes this face look more fake, not less."""
    found = explain_face(LooksAtOneRegion(), crop(inside=20), "fake")
    assert not found.holds


def test_a_model_that_looks_at_nothing_does_not_hold():
    found = explain_face(LooksAtNothing(), crop(), "fake")
    assert not found.holds
    assert "hardly moves" in found.sentence
    assert "not reliable" in found.sentence


def test_a_model_that_points_elsewhere_does_not_hold():
    found = explain_face(PointsElsewhere(), crop(inside=220), "fake")
    assert found.method == "grad_cam"
    assert found.region == (0, 240, 80, 80)
    assert not found.holds


def test_a_map_of_what_is_fake_alone_says_nothing_of_a_face_called_real():
    found = explain_face(PointsElsewhere(), crop(inside=20), "real")
    assert found.method == "occlusion"
    assert found.region == (X, Y, SIDE, SIDE)
    assert found.holds


def forest_on(columns):
    """Return a forest of one question a tree: is the column above 128?"""
    count = len(columns)
    nodes = np.arange(count) * 3
    feature = np.full(3 * count, -1, np.int32)
    feature[nodes] = columns
    left, right = np.zeros((2, 3 * count), np.int32)
    left[nodes], right[nodes] = nodes + 1, nodes + 2
    value = np.tile([0.5, 0.1, 0.9], count)
    threshold = np.full(3 * count, 128, np.uint8)
    roots = nodes.astype(np.int32)
    return Forest(roots, feature, threshold, left, right, value)


def test_a_forest_is_explained_by_occlusion():
    columns = np.random.default_rng(1).choice(np.flatnonzero(INSIDE.ravel()), 20)
    found = explain_face(forest_on(columns), crop(inside=220), "fake")
    assert found.method == "occlusion"
    x, y, *_ = found.region
    assert abs(x - X) <= 40
    assert abs(y - Y) <= 40
    assert found.holds
    outside = found.evidence[~INSIDE[:, :, 0]]
    np.testing.assert_allclose(outside, 0, atol=1e-12)


def linear(center):
    weights = np.random.default_rng(2).normal(0, 1e-6, 307_200)
    weights += np.where(INSIDE.ravel(), 2e-6, 0)
    return LinearModel(weights, 0.25, center)


def test_a_score_that_no_region_moves_does_not_hold():
    sure = linear(np.full(307_200, 120.0))
    sure = replace(sure, intercept=40.0)
    found = explain_face(sure, crop(inside=220), "fake")
    assert found.score == found.score_hidden == pytest.approx(1)
    assert not found.holds


@pytest.mark.parametrize("has_center", [True, False])
def test_the_map_of_a_linear_model_adds_up_to_its_decision(has_center):
    center = np.random.default_rng(4).uniform(90, 140, 307_200) if has_center else None
    model, row = linear(center), crop(inside=220).face.reshape(-1)
    evidence = model.explain(row)
    assert evidence.shape == (320, 320)
    at_center = model.intercept + (0 if center is None else model.weights @ center)
    expected = model.decide(row[None])[0] - at_center
    assert evidence.sum(dtype=np.float64) == pytest.approx(expected, rel=1e-4)


def test_a_linear_model_is_measured_from_its_mean_face():
    model = linear(np.full(307_200, 120.0))
    found = explain_face(model, crop(inside=220), "fake")
    assert found.method == "weights"
    assert found.region == (X, Y, SIDE, SIDE)
    assert found.cover == "mean_face"
    assert found.holds
    assert "average face" in found.sentence


def test_a_linear_model_is_the_same_from_disk(tmp_path):
    model, row = linear(np.full(307_200, 120.5)), crop(inside=220).face.reshape(-1)
    model.save(tmp_path / "weights.npz")
    loaded = LinearModel.load(tmp_path / "weights.npz")
    np.testing.assert_array_equal(loaded.explain(row), model.explain(row))
    replace(model, center=None).save(tmp_path / "weights.npz")
    assert LinearModel.load(tmp_path / "weights.npz").center is None


def test_hiding_changes_the_region_and_nothing_else():
    row = crop(inside=220).face.reshape(-1)
    before = row.copy()
    [hidden] = Hiding(LooksAtNothing().score, row).hide([(X, Y, SIDE, SIDE)])
    np.testing.assert_array_equal(row, before)
    same = hidden == row
    assert same[~INSIDE.ravel()].all()
    assert len(np.unique(hidden.reshape(320, 320, 3)[INSIDE])) == 1


def test_other_regions_are_elsewhere_and_the_same_each_time():
    region = top_region(INSIDE[:, :, 0].astype(np.float32))
    others = other_regions(region, 8)
    assert others == other_regions(region, 8)
    assert len(set(others)) == 8
    for x, y, width, height in others:
        assert not INSIDE[y : y + height, x : x + width].any()


@dataclass
class Counting:
    model: object
    rows: int = 0

    def score(self, rows):
        self.rows += len(rows)
        return self.model.score(rows)


def test_one_face_costs_less_than_a_hundred_scores():
    counting = Counting(LooksAtOneRegion())
    shown = [crop(inside=value) for value in (100, 220, 160)]
    [found] = explain_faces(counting, shown, [0.3, 0.9, 0.6], "fake")
    assert found.score == 0.9
    assert counting.rows <= 64 + 9


def test_the_deciding_person_is_explained_by_every_model():
    verdict = make_verdict("fake", people=2, models=("svm", "random_forest"))
    for person in verdict["people"]:
        person["decides"] = person["track"] == 1
    crops = make_crops(verdict)
    models = {"svm": LooksAtOneRegion(), "random_forest": LooksAtNothing()}
    found = explain_verdict(verdict, crops, models)
    assert {one.track for ones in found.values() for one in ones} == {1}
    noted = note_explanations(verdict, found)
    assert verdict["models"][0]["explanations"] == []
    [one] = json.loads(json.dumps(noted))["models"][1]["explanations"]
    keys = "method frame_index track region score score_hidden score_random_hidden"
    assert {*keys.split(), "holds", "sentence"} == one.keys()
    assert one["holds"] is False


def test_no_faces_have_no_explanations():
    verdict = make_verdict("not_applicable")
    assert explain_verdict(verdict, [], {"svm": LooksAtNothing()}) == {"svm": []}
