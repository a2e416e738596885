"""What every trained model must do; each kind subclasses this."""

import numpy as np
import pytest

from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from dfhpc.errors import StoppedError
from dfhpc.model_configs import ModelConfig
from dfhpc.models.base import (
    TRAINING_ROWS_NAME,
    TrainingRows,
    file_digests,
    get_trainer,
    load_model,
)
from dfhpc.runs import RunDirectory, write_json
from dfhpc.store.partitions import plan_store
from dfhpc.store.schema import create_store

NUM_VIDEOS, FRAMES = 24, 3


@pytest.fixture(scope="session")
def faces():
    """Return rows of two classes that differ in some columns, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(NUM_VIDEOS) % 2, FRAMES).astype(np.int8)
    rows = rng.integers(0, 200, (NUM_VIDEOS * FRAMES, 307_200), np.uint8)
    rows[labels == 1, :100_000] += 40
    rows[:, 7] = 9
    return rows, labels


def make_run(path, faces, rows, videos_per_partition=4):
    """Return a run directory with a store of ``faces``, to train on ``rows``."""
    run = RunDirectory(path)
    layout = plan_store(NUM_VIDEOS, FRAMES, videos_per_partition)
    group = create_store(run.store_path, layout, {})
    for index in range(layout.num_partitions):
        where = layout.rows(layout.partition(index))
        group["faces"][where] = faces[0][where]
    return run, TrainingRows(np.asarray(rows, np.int64), faces[1][rows])


def prepare(run, training, name):
    """Give a model its training rows."""
    training.save(run.model_dir(name) / TRAINING_ROWS_NAME)


def turned_rows(faces, *, standardize):
    """Return all rows, turned into as many dimensions as there are rows.

    Distances and inner products are the same, and so are scikit-learn's models with
    a quadratic penalty or an rbf kernel, at a thousandth of the work.
    """
    from sklearn.preprocessing import StandardScaler

    rows = faces[0].astype(np.float64)
    if standardize:
        rows = StandardScaler().fit(rows[TRAIN_ROWS]).transform(rows)
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    return left * singular


TRAIN_ROWS = np.delete(np.arange(NUM_VIDEOS * FRAMES), [1, 2, 30, 31, 60])


class ModelContract:
    """Subclass with ``name`` and ``config``."""

    name: str
    config: ModelConfig

    @pytest.fixture
    def trained(self, tmp_path, faces):
        return self.train(tmp_path / "run", faces)

    def train(self, path, faces, **kwargs):
        run, training = make_run(path, faces, TRAIN_ROWS, **kwargs)
        prepare(run, training, self.name)
        self.fit(run)
        return run

    def fit(self, run):
        trainer = get_trainer(self.name, self.config)
        steps = []
        history = trainer.train(run, InlinePool(), steps.append)
        assert sum(steps) == trainer.num_steps
        digests = file_digests(run.model_dir(self.name), trainer.files())
        card = {"files": digests, "model": self.config.model_dump(mode="json")}
        write_json(run.model_path(self.name), card)
        return history

    def digests(self, run):
        files = get_trainer(self.name, self.config).files()
        return file_digests(run.model_dir(self.name), files)

    def test_scores_are_probabilities_that_tell_the_classes_apart(self, trained, faces):
        scores = load_model(trained, self.name).score(faces[0])
        assert scores.shape == (len(faces[0]),)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert (scores[faces[1] == 1].mean()) > scores[faces[1] == 0].mean() + 0.2

    def test_a_row_scores_the_same_alone_and_among_others(self, trained, faces):
        model = load_model(trained, self.name)
        together = model.score(faces[0][:10])
        alone = np.concatenate([model.score(faces[0][i : i + 1]) for i in range(10)])
        np.testing.assert_allclose(together, alone, rtol=1e-12)

    def test_no_rows_have_no_scores(self, trained, faces):
        model = load_model(trained, self.name)
        assert model.score(faces[0][:0]).shape == (0,)

    def test_trained_twice_gives_the_same_bytes(self, trained, tmp_path, faces):
        again = self.train(tmp_path / "again", faces)
        assert self.digests(trained) == self.digests(again)

    def test_stopped_and_resumed_gives_the_same_bytes(
        self, trained, tmp_path, faces, monkeypatch
    ):
        run, training = make_run(tmp_path / "stopped", faces, TRAIN_ROWS)
        prepare(run, training, self.name)
        submitted = []
        submit = InlinePool.submit

        def counting(pool, name, function, args):
            submitted.append(name)
            if len(submitted) in (2, 5):
                signals.request_stop()
            return submit(pool, name, function, args)

        monkeypatch.setattr(InlinePool, "submit", counting)
        trainer = get_trainer(self.name, self.config)
        for _ in range(2):
            with pytest.raises(StoppedError):
                trainer.train(run, InlinePool(), lambda step: None)
            signals.reset()
        self.fit(run)
        assert self.digests(trained) == self.digests(run)

    def test_changed_bytes_are_refused(self, trained):
        from dfhpc.errors import ModelError

        name = get_trainer(self.name, self.config).files()[0]
        path = trained.model_dir(self.name) / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(ModelError, match="was changed after training"):
            load_model(trained, self.name)

    def test_a_missing_file_is_refused(self, trained):
        from dfhpc.errors import ModelError

        name = get_trainer(self.name, self.config).files()[0]
        (trained.model_dir(self.name) / name).unlink()
        with pytest.raises(ModelError, match="is missing"):
            load_model(trained, self.name)
