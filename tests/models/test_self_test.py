"""The self-test of a saved model: what it keeps, when it passes, and when not."""

import numpy as np
import pytest

from dfhpc.cluster.inline import InlinePool
from dfhpc.errors import ModelError
from dfhpc.model_configs import SgdConfig
from dfhpc.models.base import TrainingRows, file_digests, get_trainer
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.self_test import (
    SELF_TEST_NAME,
    CheckedModel,
    choose_rows,
    write_self_test,
)
from dfhpc.runs import read_json, write_json
from tests.models.contract import TRAIN_ROWS, faces, make_run, prepare

__all__ = ["faces"]

NAME = "sgd"


@pytest.fixture
def trained(tmp_path, faces):
    run, training = make_run(tmp_path / "run", faces, TRAIN_ROWS)
    prepare(run, training, NAME)
    config = SgdConfig(epochs=1)
    trainer = get_trainer(NAME, config)
    trainer.train(run, InlinePool(), lambda step: None)
    write_self_test(run.path, NAME, config)
    names = (*trainer.files(), SELF_TEST_NAME)
    card = {
        "files": file_digests(run.model_dir(NAME), names),
        "model": config.model_dump(mode="json"),
        "versions": {"numpy": "2.0.1"},
    }
    write_json(run.model_path(NAME), card)
    return run


def change_scores(run, change):
    """Change what the model is said to have scored, and the digest with it."""
    path = run.model_dir(NAME) / SELF_TEST_NAME
    arrays = load_arrays(path)
    save_arrays(path, arrays | {"scores": arrays["scores"] + change})
    card = read_json(run.model_path(NAME))
    digests = file_digests(run.model_dir(NAME), list(card["files"]))
    write_json(run.model_path(NAME), card | {"files": digests})


def test_a_sound_model_passes_and_scores_as_ever(trained, faces):
    model = CheckedModel(trained, NAME)
    rows = faces[0][:3]
    np.testing.assert_allclose(model.score(rows), model.model.score(rows), rtol=1e-12)
    found = model.self_test()
    assert (found.rows, found.largest_difference) == (4, pytest.approx(0, abs=1e-6))


def test_it_is_passed_before_any_score_and_once(trained, faces, monkeypatch):
    model = CheckedModel(trained, NAME)
    asked = []
    score = model.model.score

    class Counting:
        def score(self, rows):
            asked.append(len(rows))
            return score(rows)

    model.model = Counting()
    model.score(faces[0][:3])
    model.self_test()
    model.score(faces[0][:3])
    assert asked == [4 + 3, 3]


def test_it_is_passed_without_any_rows(trained):
    assert CheckedModel(trained, NAME).self_test().rows == 4


@pytest.mark.parametrize("change", [[0, 0, 0, 2e-3], [np.nan, 0, 0, 0]])
def test_other_scores_are_refused(trained, faces, change):
    change_scores(trained, np.array(change))
    with pytest.raises(ModelError) as caught:
        CheckedModel(trained, NAME).score(faces[0][:1])
    words = str(caught.value)
    assert "fails its self-test" in words
    assert "numpy 2.0.1, now" in words
    assert "train it again" in words
    with pytest.raises(ModelError):
        CheckedModel(trained, NAME).self_test()


def test_the_noise_of_another_processor_is_let_pass(trained):
    change_scores(trained, np.array([0, 0, 0, 1e-5]))
    found = CheckedModel(trained, NAME).self_test()
    assert found.largest_difference == pytest.approx(1e-5, abs=1e-6)


def test_changed_bytes_of_the_self_test_are_refused(trained):
    path = trained.model_dir(NAME) / SELF_TEST_NAME
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelError, match=r"self_test\.npz was changed"):
        CheckedModel(trained, NAME)


def test_a_model_of_an_older_dfhpc_has_none(trained, faces):
    card = read_json(trained.model_path(NAME))
    del card["files"][SELF_TEST_NAME]
    write_json(trained.model_path(NAME), card)
    model = CheckedModel(trained, NAME)
    assert model.self_test() is None
    assert len(model.score(faces[0][:2])) == 2


def test_it_is_written_twice_with_the_same_bytes(trained):
    path = trained.model_dir(NAME) / SELF_TEST_NAME
    before = path.read_bytes()
    write_self_test(trained.path, NAME, SgdConfig(epochs=1))
    assert path.read_bytes() == before


def test_rows_are_of_both_classes_and_spread():
    labels = np.array([0] * 10 + [1], np.int8)
    rows = choose_rows(TrainingRows(np.arange(100, 111), labels))
    assert rows.tolist() == [100, 109, 110]
