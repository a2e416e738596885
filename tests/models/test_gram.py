"""The Gram matrix: exact, the same however it is cut, and never begun anew."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import zarr

from dfhpc.cluster.inline import InlinePool
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import ModelError, StoreError
from dfhpc.models import gram as gram_module
from dfhpc.models import gram_plan, gram_sum, products
from dfhpc.models.gram import ensure_gram
from dfhpc.models.gram_plan import GramPlan, part_path
from dfhpc.models.gram_reader import Gram
from dfhpc.models.inner import WeightedRows
from dfhpc.runs import RunDirectory
from dfhpc.store.partitions import plan_store
from dfhpc.store.schema import create_store

NUM_ROWS = 150
TRAINING = np.delete(np.arange(NUM_ROWS), np.arange(0, NUM_ROWS, 5))


@pytest.fixture(scope="module")
def pixels():
    """Return rows as faces are: smooth, with columns of all sorts of variance."""
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(NUM_ROWS, 12)) @ rng.normal(size=(12, 307_200)) * 12
    rows = fields + rng.normal(0, 4, fields.shape) + rng.uniform(20, 230, 307_200)
    rows = np.clip(rows, 0, 255).astype(np.uint8)
    rows[:, 100] = 7
    rows[:, 101] = 0
    rows[3, 101] = 1
    rows[:, 102] = np.where(rng.random(NUM_ROWS) < 0.5, 0, 255)
    # A whole chunk that never changes, as a black border is.
    rows[:, 288_000:] = 0
    return rows


def store_of(path, pixels, videos_per_partition=5):
    run = RunDirectory(path)
    layout = plan_store(NUM_ROWS // 3, 3, videos_per_partition)
    group = create_store(run.store_path, layout, {})
    for index in range(layout.num_partitions):
        where = layout.rows(layout.partition(index))
        group["faces"][where] = pixels[where]
    group["valid"][...] = np.ones(NUM_ROWS, bool)
    group["label"][...] = (np.arange(NUM_ROWS) % 2).astype(np.int8)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory, pixels):
    return store_of(tmp_path_factory.mktemp("gram"), pixels)


def whole(folder):
    """Return the matrix, mirrored, as it is on disk."""
    stored = zarr.open_group(folder, mode="r")["matrix"][...]
    return np.where(np.isnan(stored), stored.T, stored)


@pytest.fixture(scope="module")
def matrices(run):
    pool = InlinePool()
    return {
        standardize: ensure_gram(run, pool, TRAINING, standardize=standardize)
        for standardize in (False, True)
    }


def test_raw_products_equal_those_in_int64(matrices, pixels):
    exact = pixels.astype(np.int64) - 128
    assert np.array_equal(whole(matrices[False]), exact @ exact.T)
    sums = Gram(matrices[False]).sums(np.arange(NUM_ROWS))
    assert np.array_equal(sums, exact.sum(axis=1))


def test_standardized_products_equal_scikit_learns(matrices, pixels):
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(pixels[TRAINING].astype(np.float64))
    scaled = scaler.transform(pixels.astype(np.float64))
    expected = scaled @ scaled.T
    found = whole(matrices[True])
    centered, wanted = _distances(found), _distances(expected)
    assert np.abs(centered - wanted).max() <= 1e-5 * wanted.max()


def _distances(products):
    diagonal = products.diagonal()
    return diagonal[:, None] + diagonal - 2 * products


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("cut", ["spans", "parts", "chunks", "tiles"])
def test_the_cut_of_the_work_changes_no_bit(
    tmp_path, matrices, pixels, monkeypatch, standardize, cut
):
    tile = 32 if cut in ("tiles", "spans") else gram_plan.TILE_ROWS
    for module in (gram_plan, gram_sum):
        monkeypatch.setattr(module, "TILE_ROWS", tile)
    monkeypatch.setattr(gram_plan, "SPAN_ROWS", 64 if cut == "spans" else 16_384)
    monkeypatch.setattr(gram_plan, "SMALL_PARTS", 16 if cut == "parts" else 4)
    pool = InlinePool()
    if cut == "spans":
        pool.num_workers = 40
    run = store_of(tmp_path, pixels, 9 if cut == "chunks" else 5)
    folder = ensure_gram(run, pool, TRAINING, standardize=standardize)
    assert np.array_equal(whole(folder), whole(matrices[standardize]))


@pytest.mark.parametrize("name", ["unsigned", "float32"])
def test_every_kind_of_processor_gives_the_same_bits(
    tmp_path, run, matrices, monkeypatch, name
):
    slower = (name, products.PRODUCTS[name])
    monkeypatch.setattr(gram_module, "best_product", lambda: slower)
    shutil.copytree(run.path, tmp_path / "run")
    other = RunDirectory(tmp_path / "run")
    shutil.rmtree(other.gram_path)
    folder = ensure_gram(other, InlinePool(), TRAINING, standardize=True)
    assert np.array_equal(whole(folder), whole(matrices[True]))


def test_workers_change_no_bit(tmp_path, matrices, pixels):
    from dfhpc.cluster.local import local_pool

    run = store_of(tmp_path, pixels)
    for workers in (1, 2):
        shutil.rmtree(run.gram_path, ignore_errors=True)
        with local_pool(ClusterConfig(workers=workers)) as pool:
            folder = ensure_gram(run, pool, TRAINING, standardize=True)
        assert np.array_equal(whole(folder), whole(matrices[True]))


CODE = """
import sys
from pathlib import Path
import numpy as np
from dfhpc.cluster.inline import InlinePool
from dfhpc.models.gram import ensure_gram
from dfhpc.runs import RunDirectory

rows = np.load(sys.argv[2])
ensure_gram(RunDirectory(Path(sys.argv[1])), InlinePool(), rows, standardize=True)
"""


def test_a_kill_half_way_changes_no_bit_and_loses_no_unit(tmp_path, matrices, pixels):
    run = store_of(tmp_path / "run", pixels)
    np.save(tmp_path / "training.npy", TRAINING)
    command = [sys.executable, "-c", CODE, run.path, tmp_path / "training.npy"]
    process = subprocess.Popen(list(map(str, command)))
    parts = run.gram_path / matrices[True].name / "parts"
    deadline = time.monotonic() + 120
    while len(list(parts.glob("0*"))) < 2 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in parts.glob("0*")}
    assert 2 <= len(done) < 4
    written = []
    before = gram_module.multiply

    def noting(store_path, folder, plan, unit):
        written.append(part_path(folder, unit))
        before(store_path, folder, plan, unit)

    gram_module.multiply = noting
    try:
        folder = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    finally:
        gram_module.multiply = before
    assert not set(written) & set(done)
    assert len(written) + len(done) == 4
    assert np.array_equal(whole(folder), whole(matrices[True]))


def test_a_finished_matrix_is_not_computed_again(run, matrices, monkeypatch):
    def fail(*args):
        raise AssertionError(args)

    monkeypatch.setattr(gram_module, "multiply", fail)
    again = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    assert again == matrices[True]


def test_each_training_part_has_its_own_standardized_matrix(run, matrices):
    other = ensure_gram(run, InlinePool(), TRAINING[:50], standardize=True)
    assert other != matrices[True]
    assert not np.array_equal(whole(other), whole(matrices[True]))
    raw = ensure_gram(run, InlinePool(), TRAINING[:50], standardize=False)
    assert raw == matrices[False]


def test_blocks_are_those_of_the_whole(tmp_path, pixels, monkeypatch):
    from dfhpc.models import gram_reader

    for module in (gram_plan, gram_sum, gram_reader):
        monkeypatch.setattr(module, "TILE_ROWS", 32)
    run = store_of(tmp_path, pixels)
    folder = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    matrix, gram = whole(folder), Gram(folder)
    left, right = np.array([0, 3, 40, 99, 149]), np.array([2, 31, 32, 148])
    assert np.array_equal(gram.block(left, right), matrix[np.ix_(left, right)])
    assert np.array_equal(gram.block(right, left), matrix[np.ix_(right, left)])
    assert np.array_equal(gram.square(left), matrix[np.ix_(left, left)])
    assert np.array_equal(gram.diagonal(left), matrix.diagonal()[left])


@pytest.mark.parametrize("standardize", [False, True])
def test_rows_at_hand_have_the_products_of_the_matrix(matrices, pixels, standardize):
    gram = Gram(matrices[standardize])
    rows = np.array([4, 17, 90])
    ready = WeightedRows(gram.weighting, pixels[rows])
    earlier = np.arange(0, 4)
    found, expected = ready.products(pixels[earlier]), gram.block(earlier, rows)
    if not standardize:
        assert np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=1e-5 * 307_200)


def test_a_new_row_may_be_bright_where_all_others_are_black(tmp_path, pixels):
    black = pixels.copy()
    black[:, 50_000:150_000] = 0
    black[::7, 50_000:150_000] = 1
    run = store_of(tmp_path, black)
    folder = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    new = black[:1].copy()
    new[:, 50_000:150_000] = 255
    found = WeightedRows(Gram(folder).weighting, new).products(black[:3])[:, 0]
    values = black.astype(np.float64)
    mean, variance = values[TRAINING].mean(axis=0), values[TRAINING].var(axis=0)
    weight = np.divide(1, variance, out=np.zeros(307_200), where=variance > 0)
    center = np.rint(mean)
    expected = (values[:3] - center) * weight @ (new[0] - center)
    # A level there weighs a thousandfold, and is rounded as any other.
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_damage_is_noticed(tmp_path, run, matrices):
    folder = tmp_path / "copy"
    shutil.copytree(matrices[True], folder)
    chunk = folder / "matrix" / "c" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    chunk.unlink()
    with pytest.raises(StoreError, match="is gone"):
        Gram(folder).square(TRAINING)
    data[len(data) // 2] ^= 255
    chunk.write_bytes(data)
    with pytest.raises(StoreError, match="cannot be read"):
        Gram(folder).square(TRAINING)


@pytest.mark.parametrize("name", ["offsets/c/0", "rows.npz", "weighting.npz"])
@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_damage_of_small_files_is_noticed(tmp_path, matrices, name, damage):
    folder = tmp_path / "copy"
    shutil.copytree(matrices[False], folder)
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage == "cut":
        (folder / name).write_bytes(data[: len(data) // 2])

    def read():
        gram = Gram(folder)
        return gram.weighting, gram.sums(TRAINING)

    with pytest.raises(StoreError, match=r"Delete the folder and give the same"):
        read()


def test_a_damaged_mark_counts_as_none(tmp_path, pixels, matrices):
    run = store_of(tmp_path, pixels)
    folder = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    for name in ("finished.json", "plan.json"):
        (folder / name).write_text("{")
    again = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    assert np.array_equal(whole(again), whole(matrices[True]))


def test_another_stores_matrix_is_not_used(tmp_path, pixels):
    run = store_of(tmp_path, pixels)
    folder = ensure_gram(run, InlinePool(), TRAINING, standardize=False)
    before = whole(folder)
    changed = pixels.copy()
    changed[:5] = 0
    shutil.rmtree(run.store_path)
    store_of(tmp_path, changed)
    exact = changed.astype(np.int64) - 128
    found = whole(ensure_gram(run, InlinePool(), TRAINING, standardize=False))
    assert np.array_equal(found, exact @ exact.T)
    assert not np.array_equal(found, before)


def test_a_disk_without_room_is_refused(run, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(gram_module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreError, match=r"needs 0\.\d GB on the disk .* 0\.0 GB free"):
        ensure_gram(run, InlinePool(), TRAINING[:30], standardize=True)


def test_columns_that_hardly_change_are_as_exact_as_others(tmp_path):
    """Of a hundred thousand columns with one deviation each, by one level."""
    rng = np.random.default_rng(5)
    rows = np.zeros((NUM_ROWS, 307_200), np.uint8)
    rows[:, :200_000] = rng.normal(128, 20, (NUM_ROWS, 200_000)).astype(np.uint8)
    at = rng.integers(0, NUM_ROWS, 107_200)
    rows[at, np.arange(200_000, 307_200)] = 1
    run = store_of(tmp_path, rows)
    folder = ensure_gram(run, InlinePool(), TRAINING, standardize=True)
    values = rows.astype(np.float64)
    deviation = values[TRAINING].std(axis=0)
    used = deviation > 0
    scaled = (values[:, used] - values[TRAINING][:, used].mean(axis=0)) / deviation[
        used
    ]
    wanted = _distances(scaled @ scaled.T)
    error = np.abs(_distances(whole(folder)) - wanted).max()
    assert error <= 1e-5 * wanted.max()


def test_rows_that_it_lacks_are_refused(matrices):
    with pytest.raises(StoreError, match="lacks rows"):
        Gram(matrices[True]).square(np.array([0, NUM_ROWS]))


def test_too_many_rows_are_refused_naming_sgd(run, monkeypatch):
    monkeypatch.setattr(gram_module, "MAX_ROWS", 100)
    with pytest.raises(ModelError, match=r"150 faces is beyond 100.* model sgd"):
        ensure_gram(run, InlinePool(), TRAINING[:20], standardize=True)


@pytest.mark.parametrize("num_rows", [1, 1023, 1025, 14_000, 16_385, 50_000])
@pytest.mark.parametrize("workers", [1, 2, 40])
def test_a_plan_covers_each_product_once(num_rows, workers):
    plan = GramPlan.make(num_rows, "hash", workers)
    panels, seen = {}, {}
    for unit in plan.units():
        pair = (unit.left, unit.right)
        panels.setdefault(pair, []).extend(p.start for p in plan.panels(unit))
        if unit.part == 0:
            for tile in plan.tiles(unit):
                key = (tile.rows.start, tile.columns.start)
                seen[key] = seen.get(key, 0) + 1
                assert tile.rows.start // 1024 <= tile.columns.start // 1024
    tiles = -(-num_rows // 1024)
    assert len(seen) == tiles * (tiles + 1) // 2
    assert set(seen.values()) == {1}
    assert all(
        p == [19_200 * i for i in range(16)] for p in map(sorted, panels.values())
    )
    assert plan.project_bytes() < 4e9


def test_memory_is_bounded_at_full_size():
    plan = GramPlan.make(13_984, "hash", 2)
    assert plan.project_bytes() < 2.6e9
