"""Features of the store: made in units, resumed, and never read when stale."""

import numpy as np
import pytest

from dfhpc.cluster import signals
from dfhpc.cluster.inline import InlinePool
from dfhpc.errors import ModelError, StoppedError
from dfhpc.models import feature_rows
from dfhpc.models.feature_rows import ensure_features, folder_of, read_features
from dfhpc.models.spectrum import compute_features
from dfhpc.runs import read_json
from dfhpc.sweeping import sweep_partial
from tests.models.contract import TRAIN_ROWS, make_run
from tests.models.textured_faces import Counting, faces

__all__ = ["faces"]


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def run_of_faces(tmp_path, faces):
    run, training = make_run(tmp_path / "run", faces, TRAIN_ROWS)
    return run, training.rows


class TestFeatureRows:
    def test_each_partition_is_a_unit_and_none_is_done_twice(self, run_of_faces):
        run, rows = run_of_faces
        pool = Counting()
        ensure_features(run, pool, "spectrum", rows)
        assert pool.names == [f"spectrum-{i:06d}" for i in range(6)]
        ensure_features(run, pool, "spectrum", rows)
        assert len(pool.names) == 6

    def test_what_is_read_is_what_the_pixels_give(self, run_of_faces, faces):
        run, rows = run_of_faces
        assert read_features(run, "residual", rows) is None
        ensure_features(run, InlinePool(), "residual", rows)
        some = rows[[0, 5, 40]]
        found = read_features(run, "residual", some)
        assert found.dtype == np.float32
        expected = compute_features("residual", faces[0][some])
        np.testing.assert_array_equal(found, expected)

    def test_stopped_and_resumed_does_the_rest_alone(
        self, run_of_faces, tmp_path, faces
    ):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        other, _ = make_run(tmp_path / "stopped", faces, TRAIN_ROWS)
        with pytest.raises(StoppedError):
            ensure_features(other, Counting(stop_at=4), "spectrum", rows)
        signals.reset()
        assert read_features(other, "spectrum", rows) is None
        pool = Counting()
        ensure_features(other, pool, "spectrum", rows)
        assert pool.names == ["spectrum-000004", "spectrum-000005"]
        ours, theirs = (files_of(folder_of(each, "spectrum")) for each in (run, other))
        assert ours == theirs

    def test_a_file_without_its_mark_or_its_values_is_made_again(self, run_of_faces):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        folder = folder_of(run, "spectrum")
        before = files_of(folder)
        for name in ("finished.json", "000001.json", "000003.npz"):
            (folder / name).unlink()
        (folder / ".000003.npz.0.partial").write_bytes(b"half")
        sweep_partial(run)
        pool = Counting()
        ensure_features(run, pool, "spectrum", rows)
        assert pool.names == ["spectrum-000001", "spectrum-000003"]
        assert files_of(folder) == before

    @pytest.mark.parametrize("change", ["store", "rows", "version"])
    def test_stale_features_are_not_read_and_made_anew(
        self, run_of_faces, change, monkeypatch
    ):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        if change == "store":
            monkeypatch.setattr(feature_rows.RowReader, "identity", "another")
        elif change == "rows":
            rows = rows[:-1]
        else:
            monkeypatch.setattr(feature_rows, "FEATURES_VERSION", 2)
        if change != "rows":
            assert read_features(run, "spectrum", rows) is None
        pool = Counting()
        ensure_features(run, pool, "spectrum", rows)
        assert len(pool.names) == 6
        assert len(read_features(run, "spectrum", rows)) == len(rows)

    def test_damaged_features_are_an_error(self, run_of_faces):
        run, rows = run_of_faces
        ensure_features(run, InlinePool(), "spectrum", rows)
        (folder_of(run, "spectrum") / "000002.npz").write_bytes(b"none")
        with pytest.raises(ModelError, match="is damaged"):
            read_features(run, "spectrum", rows)


def test_a_damaged_mark_counts_as_none(run_of_faces):
    run, rows = run_of_faces
    ensure_features(run, InlinePool(), "spectrum", rows)
    path = folder_of(run, "spectrum") / "finished.json"
    path.write_text("{")
    assert read_features(run, "spectrum", rows) is None
    pool = Counting()
    ensure_features(run, pool, "spectrum", rows)
    assert pool.names == []
    assert read_json(path)["format_version"]
