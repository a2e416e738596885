import numpy as np
import pytest

from dfhpc.constants import ROW_LENGTH
from dfhpc.model_configs import SgdConfig
from dfhpc.models.base import load_model
from dfhpc.models.columns import sum_columns
from dfhpc.models.linear_model import LinearModel
from dfhpc.models.sgd import Scale, SgdTrainer
from tests.models.contract import TRAIN_ROWS, ModelContract, faces, make_run, prepare

__all__ = ["faces"]

CONFIG = SgdConfig(epochs=3, batch_rows=16, buffer_partitions=2, checkpoint_s=0)


class TestSgd(ModelContract):
    name = "sgd"
    config = CONFIG

    def test_chunking_of_checkpoints_changes_nothing(self, trained, tmp_path, faces):
        whole = CONFIG.model_copy(update={"checkpoint_s": 60})
        other = TestSgd()
        other.config = whole
        assert self.digests(trained) == self.digests(other.train(tmp_path / "w", faces))


class TestHinge(ModelContract):
    name = "sgd"
    config = CONFIG.model_copy(update={"loss": "hinge"})


def test_scale_is_that_of_scikit_learn(faces):
    from sklearn.preprocessing import StandardScaler

    rows = faces[0][:, :1000].astype(np.int64)
    scale = Scale.of(sum_columns(faces[0][:, :1000]))
    expected = StandardScaler().fit(rows.astype(np.float64))
    np.testing.assert_allclose(scale.mean, expected.mean_, rtol=1e-12)
    deviation = np.sqrt(expected.var_)
    changing = deviation > 0
    np.testing.assert_allclose(
        scale.factor[changing], 1 / (deviation[changing] * np.sqrt(1000)), rtol=1e-9
    )
    assert scale.factor[7] == 0


def test_weights_equal_those_of_dask_ml_incremental(tmp_path, faces):
    """dask-ml's Incremental over the same batches is the oracle; it cannot resume."""
    import dask.array as da
    from dask_ml.wrappers import Incremental
    from sklearn.linear_model import SGDClassifier

    config = CONFIG.model_copy(
        update={"epochs": 1, "buffer_partitions": 1, "batch_rows": 12}
    )
    run, training = make_run(tmp_path, faces, np.arange(72))
    prepare(run, training, "sgd")
    from dfhpc.cluster.inline import InlinePool

    SgdTrainer("sgd", config).train(run, InlinePool(), lambda step: None)
    order = np.concatenate(
        [
            part * 12 + np.random.default_rng([0, 0, window]).permutation(12)
            for window, part in enumerate(np.random.default_rng([0, 0]).permutation(6))
        ]
    )
    rows, labels = faces[0][order], faces[1][order]
    scale = Scale.of(sum_columns(faces[0]))
    scaled = da.from_array(scale.apply(rows), chunks=(12, ROW_LENGTH))
    inner = SGDClassifier(loss="log_loss", alpha=1e-3, shuffle=False, random_state=0)
    incremental = Incremental(inner, shuffle_blocks=False)
    incremental.fit(scaled, da.from_array(labels, chunks=12), classes=[0, 1])
    model = LinearModel.load(run.model_dir("sgd") / "weights.npz")
    expected = incremental.estimator_.decision_function(scale.apply(faces[0]))
    np.testing.assert_allclose(model.center, faces[0].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(model.decide(faces[0]), expected, rtol=1e-3, atol=1e-4)


def test_balanced_classes_weigh_the_same(tmp_path, faces):
    rows = np.concatenate(
        [np.flatnonzero(faces[1] == 1), np.flatnonzero(faces[1] == 0)[:6]]
    )
    rows.sort()
    scores = {}
    for balanced in (True, False):
        config = CONFIG.model_copy(update={"balanced": balanced, "epochs": 10})
        run, training = make_run(tmp_path / str(balanced), faces, rows)
        prepare(run, training, "sgd")
        contract = TestSgd()
        contract.config = config
        contract.fit(run)
        model = load_model(run, "sgd")
        scores[balanced] = model.score(faces[0][faces[1] == 0]).mean()
    assert scores[True] < scores[False]


def test_training_sees_no_row_but_its_own(tmp_path, faces):
    changed = (faces[0].copy(), faces[1])
    held_out = np.setdiff1d(np.arange(72), TRAIN_ROWS)
    changed[0][held_out] = 255 - changed[0][held_out]
    one = TestSgd().train(tmp_path / "one", faces)
    other = TestSgd().train(tmp_path / "other", changed)
    assert TestSgd().digests(one) == TestSgd().digests(other)


def test_projected_memory_grows_with_the_buffer_and_not_with_rows():
    trainer = SgdTrainer("sgd", CONFIG)
    assert trainer.project_bytes(100, 1000) == trainer.project_bytes(10**7, 1000)
    larger = SgdTrainer("sgd", CONFIG.model_copy(update={"buffer_partitions": 9}))
    assert larger.project_bytes(1, 10**8) > trainer.project_bytes(1, 10**8)


def test_decision_is_the_same_in_any_slice():
    rng = np.random.default_rng(0)
    model = LinearModel(rng.normal(size=ROW_LENGTH), 0.5)
    rows = rng.integers(0, 256, (130, ROW_LENGTH), np.uint8)
    expected = rows.astype(float) @ model.weights + 0.5
    assert model.decide(rows) == pytest.approx(expected)
