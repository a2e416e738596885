import numpy as np
import pytest

from dfhpc.cluster.inline import InlinePool
from dfhpc.model_configs import SvmConfig
from dfhpc.models.base import TrainingRows, load_model
from dfhpc.models.gram import ensure_gram
from dfhpc.models.gram_reader import Gram
from dfhpc.models.svm import choose_gamma
from tests.models.contract import (
    TRAIN_ROWS,
    ModelContract,
    faces,
    make_run,
    turned_rows,
)

__all__ = ["faces"]


class TestRbf(ModelContract):
    name = "svm"
    config = SvmConfig()


class TestLinear(ModelContract):
    name = "svm"
    config = SvmConfig(kernel="linear")


CONFIGS = [
    SvmConfig(balanced=False),
    SvmConfig(C=0.01),
    SvmConfig(C=100, gamma="auto"),
    SvmConfig(gamma=1e-6, balanced=False),
    SvmConfig(kernel="linear"),
    SvmConfig(kernel="linear", C=1e-6),
    SvmConfig(standardize=False, balanced=False),
    SvmConfig(standardize=False, gamma="auto"),
    SvmConfig(standardize=False, gamma=3e-9),
    SvmConfig(standardize=False, kernel="linear", C=1e-9),
]


def _gamma(config, faces):
    """Return what SVC makes of gamma with all 307,200 columns before it."""
    if config.gamma != "scale":
        return 1 / 307_200 if config.gamma == "auto" else config.gamma
    rows = faces[0][TRAIN_ROWS].astype(np.float64)
    if config.standardize:
        from sklearn.preprocessing import StandardScaler

        rows = StandardScaler().fit_transform(rows)
    return 1 / (307_200 * rows.var())


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_decisions_equal_scikit_learns(tmp_path, faces, config):
    from sklearn.svm import SVC

    contract = ModelContract()
    config = config.model_copy(update={"tolerance": 1e-7})
    contract.name, contract.config = "svm", config
    run = contract.train(tmp_path, faces)
    rows = turned_rows(faces, standardize=config.standardize)
    rival = SVC(
        kernel=config.kernel,
        C=config.C,
        gamma=_gamma(config, faces),
        class_weight="balanced" if config.balanced else None,
        tol=1e-7,
    )
    rival.fit(rows[TRAIN_ROWS], faces[1][TRAIN_ROWS])
    expected = rival.decision_function(rows)
    scores = load_model(run, "svm").score(faces[0])
    found = np.log(scores) - np.log1p(-scores)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-3 * scale)
    clear = np.abs(expected) > 1e-6 * scale
    assert np.array_equal(found[clear] > 0, expected[clear] > 0)


def test_stored_rows_score_as_their_pixels_do(tmp_path, faces):
    contract = TestRbf()
    run = contract.train(tmp_path, faces)
    model = load_model(run, "svm")
    rows = TRAIN_ROWS[[0, 7, 30, 50]]
    np.testing.assert_allclose(
        model.score_stored(run, rows), model.score(faces[0][rows]), rtol=1e-6
    )


def test_without_the_matrix_stored_rows_are_not_known(tmp_path, faces):
    import shutil

    run = TestRbf().train(tmp_path, faces)
    model = load_model(run, "svm")
    shutil.rmtree(run.gram_path)
    assert model.score_stored(run, TRAIN_ROWS) is None
    assert model.score(faces[0][:2]).shape == (2,)


def test_a_second_cost_reuses_the_matrix(tmp_path, faces, monkeypatch):
    from dfhpc.models import gram

    run = TestRbf().train(tmp_path, faces)
    monkeypatch.setattr(gram, "multiply", None)
    contract = ModelContract()
    contract.name, contract.config = "svm_c001", SvmConfig(C=0.01)
    training = TrainingRows(TRAIN_ROWS, faces[1][TRAIN_ROWS])
    training.save(run.model_dir("svm_c001") / "training_rows.npz")
    contract.fit(run)
    assert load_model(run, "svm_c001").score(faces[0][:1]).shape == (1,)


def test_gamma_of_rows_that_are_all_the_same_is_one(tmp_path):
    flat = np.full((72, 307_200), 50, np.uint8), (np.arange(72) % 2).astype(np.int8)
    run, training = make_run(tmp_path, flat, TRAIN_ROWS)
    folder = ensure_gram(run, InlinePool(), training.rows, standardize=False)
    config = SvmConfig(standardize=False)
    assert choose_gamma(Gram(folder), training, config) == 1.0


def test_linear_weights_are_pictured(tmp_path, faces):
    from PIL import Image

    run = TestLinear().train(tmp_path, faces)
    with Image.open(run.model_dir("svm") / "weights.png") as picture:
        assert picture.size == (320, 320)
        values = np.asarray(picture).reshape(-1)
    # The first third of the columns is brighter in fakes.
    assert values[:100_000].mean() > 128 + 20
    assert abs(values[200_000:].mean() - 128) < 10
