"""A network that is trained, stopped, killed and gone on with."""

import shutil

import numpy as np
import pytest

from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from dfhpc.errors import ModelError, SplitError, StoppedError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.base import CALIBRATION_ROWS_NAME, TrainingRows, load_model
from dfhpc.models.cnn import CnnTrainer
from dfhpc.models.cnn_checkpoint import CHECKPOINT_NAME, Checkpoint
from dfhpc.models.cnn_history import FIGURE_NAME, HISTORY_NAME
from dfhpc.models.cnn_network import build_base
from dfhpc.models.cnn_runtime import load_keras, old_arrays
from dfhpc.runs import read_json
from dfhpc.store.reading import RowReader
from tests.models.contract import (
    TRAIN_ROWS,
    ModelContract,
    faces,
    make_run,
    prepare,
)

__all__ = ["faces"]

FROZEN = CnnConfig(
    base="vgg16",
    base_training="frozen",
    augment=False,
    scaling="unit",
    side=32,
    dense_units=64,
    learning_rate=3e-4,
    epochs=8,
    batch_rows=8,
    buffer_partitions=3,
)

CALIBRATION = np.array([1, 2, 30, 31])
TEST = np.array([60])

FEW_ROWS = TRAIN_ROWS[::6]


@pytest.fixture(scope="session")
def base_weights(tmp_path_factory):
    """Return a file of random weights of VGG16 that make features of about one.

    Those that Keras draws make them smaller layer by layer, to almost nothing.
    """
    load_keras().keras.utils.set_random_seed(1)
    base = build_base(FROZEN)
    base.set_weights([1.9 * np.asarray(v.numpy()) for v in base.variables])
    path = tmp_path_factory.mktemp("weights") / "base.weights.h5"
    with old_arrays():
        base.save_weights(path)
    return path


@pytest.fixture(scope="session")
def trained_once(base_weights, tmp_path_factory, faces):
    contract = TestFrozen()
    contract.config = FROZEN.model_copy(update={"weights": base_weights})
    return contract.train(tmp_path_factory.mktemp("frozen") / "run", faces)


class TestFrozen(ModelContract):
    """The base's features are computed once, and the layers above trained on them."""

    name = "cnn"
    config = FROZEN

    # Another training that was stopped, or has other test rows, is compared below.
    test_trained_twice_gives_the_same_bytes = None

    @pytest.fixture(autouse=True)
    def _begin_with(self, base_weights):
        self.config = FROZEN.model_copy(update={"weights": base_weights})

    @pytest.fixture
    def trained(self, trained_once, tmp_path):
        shutil.copytree(trained_once.path, tmp_path / "run")
        return type(trained_once)(tmp_path / "run")

    def test_the_history_is_there_and_what_only_training_needs_is_gone(self, trained):
        folder = trained.model_dir("cnn")
        history = read_json(folder / HISTORY_NAME)
        assert [entry["epoch"] for entry in history["by_epoch"]] == list(range(1, 9))
        seen = {entry["train"]["rows"] for entry in history["by_epoch"]}
        assert seen == {len(TRAIN_ROWS)}
        losses = [entry["train"]["loss"] for entry in history["by_epoch"]]
        assert losses[-1] < losses[0]
        assert (folder / FIGURE_NAME).read_bytes()[:4] == b"\x89PNG"
        left = {path.name for path in folder.iterdir()}
        assert left == {
            "training_rows.npz",
            "network.weights.h5",
            "network.json",
            "model.json",
            HISTORY_NAME,
            FIGURE_NAME,
        }

    def test_what_is_finished_is_not_trained_again(self, trained, monkeypatch):
        monkeypatch.setattr(InlinePool, "submit", None)
        steps = []
        trainer = CnnTrainer("cnn", self.config)
        history = trainer.train(trained, InlinePool(), steps.append)
        assert (sum(steps), history["epochs"]) == (8, 8)

    def test_an_explanation_is_the_gradient_of_the_output(self, trained, faces):
        """Grad-CAM's weights by finite differences, without any gradient."""
        model = load_model(trained, "cnn")
        row = faces[0][3]
        seen = model.explain(row)
        assert (seen.shape, seen.dtype) == ((320, 320), np.float32)
        from dfhpc.models.cnn_model import enlarged
        from dfhpc.models.cnn_rows import small_faces

        features = np.asarray(
            model._features(small_faces(row[None], 32).astype(np.float32))
        )
        step = 0.02
        slopes = np.zeros(features.shape[-1])
        channels = np.flatnonzero(features.max(axis=(0, 1, 2)) > 0.5)
        assert len(channels) > 10
        for channel in channels:
            sides = []
            for sign in (1, -1):
                moved = features.copy()
                moved[..., channel] += sign * step
                sides.append(np.asarray(model._logit(model._rest(moved)))[0, 0])
            places = features.shape[1] * features.shape[2]
            slopes[channel] = (sides[0] - sides[1]) / (2 * step * places)
        assert seen == pytest.approx(
            enlarged(features[0] @ weights_of(model, features)), abs=1e-5
        )
        np.testing.assert_allclose(
            slopes[channels], weights_of(model, features)[channels], rtol=0.1, atol=2e-3
        )


def weights_of(model, features):
    """Return the mean gradient of the output for each channel."""
    tf = load_keras().tf
    looked_at = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(looked_at)
        output = model._logit(model._rest(looked_at))
    return np.asarray(tape.gradient(output, looked_at)).mean(axis=(0, 1, 2))


UNFROZEN = CnnConfig(
    base="vgg16",
    base_training="warm_up",
    warm_up_epochs=1,
    scaling="unit",
    side=32,
    dense_units=16,
    epochs=2,
    batch_rows=12,
    buffer_partitions=2,
    patience=2,
    checkpoint_s=600,
)


def train_watched(path, faces, config, *, stop_at=(), rows=TRAIN_ROWS):
    """Train with a calibration part; be told to stop when asking for the nth time."""
    run, training = make_run(path, faces, rows)
    prepare(run, training, "cnn")
    watched = TrainingRows(CALIBRATION, faces[1][CALIBRATION])
    watched.save(run.model_dir("cnn") / CALIBRATION_ROWS_NAME)
    trainer = CnnTrainer("cnn", config)
    asked = []

    def stop_requested():
        asked.append(1)
        if len(asked) in stop_at:
            signals.request_stop()
        return signals._stop.is_set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dfhpc.models.cnn_fit.stop_requested", stop_requested)
        for _ in stop_at:
            with pytest.raises(StoppedError):
                trainer.train(run, InlinePool(), lambda step: None)
            signals.reset()
        trainer.train(run, InlinePool(), lambda step: None)
    return run


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, faces, base_weights):
    """Return a run of a network that warmed up, and the rows that were read."""
    config = UNFROZEN.model_copy(update={"weights": base_weights})
    found = []
    read = RowReader.read_partition

    def recording(self, index, rows):
        result = read(self, index, rows)
        found.append(result[0])
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowReader, "read_partition", recording)
        path = tmp_path_factory.mktemp("whole") / "run"
        run = train_watched(path, faces, config, rows=FEW_ROWS)
    return run, np.unique(np.concatenate(found))


@pytest.mark.slow
def test_stopped_between_batches_it_ends_with_the_same_weights(
    undisturbed, tmp_path, faces, base_weights
):
    # In the epoch with a frozen base, and in that with a free one.
    config = UNFROZEN.model_copy(update={"weights": base_weights})
    run = train_watched(tmp_path / "run", faces, config, stop_at=(2, 6), rows=FEW_ROWS)
    for name in ("network.weights.h5", "network.json"):
        whole = undisturbed[0].model_dir("cnn") / name
        assert (run.model_dir("cnn") / name).read_bytes() == whole.read_bytes()
    one, other = (
        read_json(r.model_dir("cnn") / HISTORY_NAME)["by_epoch"]
        for r in (run, undisturbed[0])
    )
    for entry, expected in zip(one, other, strict=True):
        assert entry["train"]["rows"] == expected["train"]["rows"]
        assert entry["calibration"] == expected["calibration"]
        assert entry["train"]["loss"] == pytest.approx(expected["train"]["loss"])


@pytest.mark.slow
def test_training_and_stopping_read_no_test_row(undisturbed):
    _, found = undisturbed
    assert set(FEW_ROWS) | set(CALIBRATION) == set(found)
    assert not set(TEST) & set(found)


@pytest.mark.slow
def test_a_warm_up_leaves_the_base_as_it_was_and_then_moves_it(undisturbed):
    history = read_json(undisturbed[0].model_dir("cnn") / HISTORY_NAME)["by_epoch"]
    facts = [(entry["base_frozen"], entry["learning_rate"]) for entry in history]
    assert facts == [(True, 1e-3), (False, 2e-5)]


@pytest.fixture(scope="module")
def early(tmp_path_factory, faces, base_weights):
    """Return a run whose calibration part has its labels turned around.

    What is learned makes it worse, so that training ends early.
    """
    turned = faces[1].copy()
    turned[CALIBRATION] = 1 - turned[CALIBRATION]
    config = FROZEN.model_copy(update={"weights": base_weights, "patience": 2})
    path = tmp_path_factory.mktemp("early") / "run"
    run = train_watched(path, (faces[0], turned), config)
    return run, (faces[0], turned), config


def test_the_best_epoch_is_that_of_the_calibration_part(early, tmp_path):
    run, rows, config = early
    facts = read_json(run.model_dir("cnn") / HISTORY_NAME)
    losses = [entry["calibration"]["loss"] for entry in facts["by_epoch"]]
    best = int(np.argmin(losses)) + 1
    assert facts["epoch_kept"] == best
    assert facts["epochs"] == best + 2 < config.epochs
    short = config.model_copy(update={"epochs": best, "patience": None})
    other = train_watched(tmp_path / "short", rows, short)
    weights = [r.model_dir("cnn") / "network.weights.h5" for r in (run, other)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_other_test_rows_change_no_byte(early, tmp_path):
    """Marked test rows: training, early stopping and its choice do not see them."""
    run, (pixels, labels), config = early
    marked = (pixels.copy(), labels.copy())
    marked[0][TEST], marked[1][TEST] = 255, 1 - labels[TEST]
    other = train_watched(tmp_path / "other", marked, config)
    for name in ("network.weights.h5", HISTORY_NAME):
        one, two = (r.model_dir("cnn") / name for r in (run, other))
        assert one.read_bytes() == two.read_bytes()


def test_a_diverged_training_ends_with_one_sentence(tmp_path, faces, base_weights):
    update = {"weights": base_weights, "learning_rate": 1e20}
    config = FROZEN.model_copy(update=update)
    with pytest.raises(ModelError, match="loss of cnn is no number any more") as caught:
        train_watched(tmp_path / "run", faces, config, rows=FEW_ROWS)
    assert "lower learning_rate (it is 1e+20)" in str(caught.value)
    assert caught.value.exit_code == 1
    path = next((tmp_path / "run").rglob(CHECKPOINT_NAME))
    state = Checkpoint.load(path)
    assert all(np.isfinite(values).all() for values in state.network)


def test_patience_without_a_calibration_part_is_refused():
    trainer = CnnTrainer("cnn", CnnConfig(weights="none", patience=3))
    with pytest.raises(SplitError, match="no calibration part to tell when to end"):
        trainer.plan(has_calibration=False)
    trainer.plan(has_calibration=True)
