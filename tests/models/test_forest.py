import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from dfhpc.errors import ModelError
from dfhpc.models.forest import Forest


def from_sklearn(tree, columns):
    """Return a fitted tree of classes 0 and 1 that saw ``columns`` alone."""
    nodes = tree.tree_
    inner = nodes.feature >= 0
    return Forest(
        roots=np.zeros(1, np.int32),
        feature=np.where(inner, columns[nodes.feature], -1).astype(np.int32),
        threshold=np.where(inner, nodes.threshold, 0).astype(np.uint8),
        left=nodes.children_left.astype(np.int32),
        right=nodes.children_right.astype(np.int32),
        value=nodes.value[:, 0, 1].copy(),
    )


@pytest.fixture(scope="module")
def grown():
    """Return trees of scikit-learn, and the forest of them."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (300, 60), np.uint8)
    labels = (rows[:, 3].astype(int) + rows[:, 40] + rng.normal(0, 40, 300) > 255) * 1
    columns = np.sort(rng.choice(60, 30, replace=False))
    trees = []
    for seed in range(7):
        weights = np.bincount(rng.integers(0, 300, 300), minlength=300)
        tree = DecisionTreeClassifier(max_features=5, random_state=seed)
        trees.append(tree.fit(rows[:, columns], labels, sample_weight=weights))
    return trees, Forest.joined([from_sklearn(t, columns) for t in trees]), columns


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).integers(0, 256, (1001, 60), np.uint8)


def mean_score(trees, rows):
    return np.mean([tree.predict_proba(rows)[:, 1] for tree in trees], axis=0)


def test_scores_equal_scikit_learns(grown, rows):
    trees, forest, columns = grown
    expected = mean_score(trees, rows[:, columns])
    np.testing.assert_allclose(forest.score(rows), expected, rtol=1e-12)


def test_scores_after_the_first_trees(grown, rows):
    trees, forest, columns = grown
    counts = [1, 2, 5, 7]
    scores = forest.score_steps(rows, counts)
    assert scores.shape == (4, len(rows))
    for count, found in zip(counts, scores, strict=True):
        expected = mean_score(trees[:count], rows[:, columns])
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(scores[-1], forest.score(rows))


@pytest.mark.parametrize("counts", [[8], [0, 3], [3, 3], [5, 2], [-1]])
def test_impossible_numbers_of_trees_are_refused(grown, rows, counts):
    with pytest.raises(ModelError, match="A forest of 7 trees cannot be scored"):
        grown[1].score_steps(rows, counts)


def test_rows_may_lie_in_memory_in_any_way(grown, rows):
    forest = grown[1]
    expected = forest.score(rows)
    np.testing.assert_array_equal(forest.score(np.asfortranarray(rows)), expected)
    np.testing.assert_array_equal(forest.score(rows[::2]), expected[::2])
    fixed = rows.copy()
    fixed.setflags(write=False)
    np.testing.assert_array_equal(forest.score(fixed), expected)


def test_what_is_saved_is_loaded(grown, rows, tmp_path):
    grown[1].save(tmp_path / "forest.npz")
    loaded = Forest.load(tmp_path / "forest.npz")
    np.testing.assert_array_equal(loaded.score(rows), grown[1].score(rows))


def test_few_rows_walk_uncompiled_to_the_same_leaves(monkeypatch):
    from dfhpc.models import forest as module
    from dfhpc.models import walking

    rng = np.random.default_rng(3)
    trees = [
        Forest(
            roots=np.array([0], np.int32),
            feature=np.array([column, -1, -1], np.int32),
            threshold=rng.integers(0, 256, 3).astype(np.uint8),
            left=np.array([1, 0, 0], np.int32),
            right=np.array([2, 0, 0], np.int32),
            value=rng.uniform(size=3),
        )
        for column in range(9)
    ]
    forest = Forest.joined(trees)
    rows = rng.integers(0, 256, (20, 9)).astype(np.uint8)
    few = forest.score_steps(rows, [2, 9])
    monkeypatch.setattr(module, "walker", lambda num_walks: walking._compiled())
    np.testing.assert_array_equal(forest.score_steps(rows, [2, 9]), few)
