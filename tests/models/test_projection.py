import numpy as np
import pytest

from dfhpc.cluster.inline import InlinePool
from dfhpc.models.gram import ensure_gram, finished_gram
from dfhpc.models.projection import project_rows
from tests.models.contract import TRAIN_ROWS, faces, make_run

__all__ = ["faces"]


@pytest.mark.parametrize("standardize", [True, False])
def test_components_are_scikit_learns(tmp_path, faces, standardize):
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    run, _ = make_run(tmp_path, faces, TRAIN_ROWS)
    folder = ensure_gram(run, InlinePool(), TRAIN_ROWS, standardize=standardize)
    assert finished_gram(run, TRAIN_ROWS) == folder
    found = project_rows(folder, TRAIN_ROWS, TRAIN_ROWS)
    rows = faces[0][TRAIN_ROWS].astype(np.float64)
    if standardize:
        rows = StandardScaler().fit_transform(rows)
    rival = PCA(3, svd_solver="full").fit(rows)
    np.testing.assert_allclose(found.shares[:3], rival.explained_variance_ratio_, 1e-4)
    first, expected = found.coordinates[:, 0], rival.transform(rows)[:, 0]
    sign = np.sign(first @ expected)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(first, sign * expected, atol=1e-4 * scale)


def test_rows_that_are_all_the_same_lie_in_one_place(tmp_path):
    flat = np.full((72, 307_200), 50, np.uint8), (np.arange(72) % 2).astype(np.int8)
    run, _ = make_run(tmp_path, flat, TRAIN_ROWS)
    folder = ensure_gram(run, InlinePool(), TRAIN_ROWS, standardize=False)
    found = project_rows(folder, TRAIN_ROWS, TRAIN_ROWS[:5])
    assert not found.coordinates.any()
    assert not found.shares.any()
