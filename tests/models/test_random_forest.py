import numpy as np
import pytest

from dfhpc.model_configs import RandomForestConfig
from dfhpc.models.forest import Forest
from dfhpc.models.random_forest import RandomForestTrainer
from tests.models.contract import TRAIN_ROWS, ModelContract, faces

__all__ = ["faces"]

CONFIG = RandomForestConfig(
    num_trees=12, columns_per_tree=400, max_features=20, trees_per_task=2
)

EQUAL = {0: 1.0, 1: 1.0}


class TestRandomForest(ModelContract):
    name = "random_forest"
    config = CONFIG

    def test_grouping_of_trees_and_chunking_of_rows_change_nothing(
        self, trained, tmp_path, faces
    ):
        other = TestRandomForest()
        grouped = CONFIG.model_copy(update={"trees_per_task": 5})
        other.config = grouped
        run = other.train(tmp_path / "other", faces, videos_per_partition=7)
        assert self.digests(trained) == self.digests(run)

    def test_trees_that_are_there_are_not_grown_again(self, trained, monkeypatch):
        path = trained.model_dir(self.name) / "trees" / "00003.npz"
        path.unlink()
        before = {p: p.stat().st_mtime_ns for p in path.parent.iterdir()}
        digests = self.digests(trained)
        self.fit(trained)
        after = {p: p.stat().st_mtime_ns for p in path.parent.iterdir()}
        assert {p: after[p] for p in before} == before
        assert set(after) - set(before) == {path}
        assert self.digests(trained) == digests


def test_all_columns_and_rows_are_as_accurate_as_scikit_learns_forest():
    """Random patches lose nothing: five seeds of each, the same rows."""
    from sklearn.ensemble import RandomForestClassifier

    from dfhpc.models.random_forest import _Draw

    rng = np.random.default_rng(1)
    signal = rng.normal(size=(600, 8)) @ rng.normal(size=(8, 2048)) * 14 + 128
    rows = np.clip(signal + rng.normal(0, 25, signal.shape), 0, 255).astype(np.uint8)
    labels = (signal[:, :512].mean(axis=1) > 128).astype(np.int8)
    train, test = slice(0, 400), slice(400, 600)
    ours, theirs = [], []
    for seed in range(5):
        config = RandomForestConfig(num_trees=60, columns_per_tree=256, max_features=45)
        config = config.model_copy(update={"seed": seed})
        trees = []
        for tree in range(60):
            draw = _Draw(config, tree, 400, num_columns=2048)
            draw.gather(rows[train], 0)
            trees.append(draw.grow(labels[train], EQUAL))
        scores = Forest.joined(trees).score(rows[test])
        ours.append(((scores > 0.5) == labels[test]).mean())
        rival = RandomForestClassifier(60, random_state=seed)
        rival.fit(rows[train], labels[train])
        theirs.append(rival.score(rows[test], labels[test]))
    assert np.mean(ours) > np.mean(theirs) - 0.02


def test_projected_memory_is_bounded_by_the_patches():
    trainer = RandomForestTrainer("random_forest", RandomForestConfig())
    full_size = trainer.project_bytes(11_187, 112 * 307_200)
    assert full_size < 2.5e9
    assert trainer.trees_per_task(11_187, 2) > 1


def test_memory_that_does_not_fit_is_refused():
    from dfhpc.cluster.inline import InlinePool
    from dfhpc.cluster.memory import check_memory
    from dfhpc.errors import ProjectedMemoryError

    projected = RandomForestTrainer(
        "random_forest", RandomForestConfig()
    ).project_bytes(10**7, 0)
    with pytest.raises(ProjectedMemoryError, match=r"random_forest would need .* GB"):
        check_memory("random_forest", projected, InlinePool())


def test_a_tree_of_one_column():
    from dfhpc.models.random_forest import _Draw

    config = CONFIG.model_copy(update={"columns_per_tree": 1})
    draw = _Draw(config, 0, 40, num_columns=3)
    rows = np.tile(np.arange(40, dtype=np.uint8)[:, None], 3)
    draw.gather(rows, 0)
    tree = draw.grow((np.arange(40) > 20).astype(np.int8), EQUAL)
    assert tree.score(rows[[0, 39]]).tolist() == [0, 1]


def test_a_tree_of_one_class_scores_that_class():
    from dfhpc.models.random_forest import _Draw

    draw = _Draw(CONFIG, 0, 4, num_columns=500)
    draw.gather(np.zeros((4, 500), np.uint8), 0)
    for label in (0, 1):
        tree = draw.grow(np.full(4, label, np.int8), EQUAL)
        assert tree.score(np.zeros((1, 500), np.uint8)).tolist() == [label]


def test_training_sees_no_row_but_its_own(tmp_path, faces):
    changed = (faces[0].copy(), faces[1])
    held_out = np.setdiff1d(np.arange(72), TRAIN_ROWS)
    changed[0][held_out] = 255 - changed[0][held_out]
    one = TestRandomForest().train(tmp_path / "one", faces)
    other = TestRandomForest().train(tmp_path / "other", changed)
    assert TestRandomForest().digests(one) == TestRandomForest().digests(other)


def test_a_fold_is_grown_in_a_folder_of_its_own(tmp_path, faces):
    from dfhpc.cluster.inline import InlinePool
    from dfhpc.models.base import TRAINING_ROWS_NAME
    from tests.models.contract import make_run

    run, training = make_run(tmp_path / "run", faces, TRAIN_ROWS)
    folder = run.model_dir("forest/search/fold-0")
    training.save(folder / TRAINING_ROWS_NAME)
    trainer = RandomForestTrainer("forest/search/fold-0", CONFIG)
    trainer.train(run, InlinePool(), lambda step: None)
    TestRandomForest().train(tmp_path / "whole", faces)
    whole = Forest.load(tmp_path / "whole/models/random_forest/forest.npz")
    found = trainer.load(folder)
    np.testing.assert_array_equal(whole.score(faces[0]), found.score(faces[0]))
