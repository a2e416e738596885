import numpy as np
import pytest
import zarr

from dfhpc.errors import StoreError
from dfhpc.store.partitions import plan_store
from dfhpc.store.reading import RowReader
from dfhpc.store.schema import ROW_ARRAYS, create_store, open_store

LAYOUT = plan_store(5, 2, 2)


def test_created_whole_with_every_array(tmp_path):
    group = create_store(tmp_path / "s.zarr", LAYOUT, {"manifest_hash": "x"})
    assert group["faces"].shape == (10, 307_200)
    assert group["faces"].shards == (4, 307_200)
    assert set(group.array_keys()) == {"faces", *ROW_ARRAYS}
    assert not group["valid"][:].any()
    assert dict(group.attrs)["manifest_hash"] == "x"


def test_created_again_is_opened_and_keeps_its_rows(tmp_path):
    path = tmp_path / "s.zarr"
    create_store(path, LAYOUT, {})["faces"][0:4] = np.ones((4, 307_200), np.uint8)
    again = create_store(path, LAYOUT, {})
    assert again["faces"][3].sum() == 307_200


def test_another_store_is_refused(tmp_path):
    create_store(tmp_path / "s.zarr", LAYOUT, {"manifest_hash": "x"})
    with pytest.raises(StoreError, match="manifest_hash"):
        create_store(tmp_path / "s.zarr", LAYOUT, {"manifest_hash": "y"})
    with pytest.raises(StoreError, match="frames_per_video"):
        create_store(tmp_path / "s.zarr", plan_store(5, 3, 2), {"manifest_hash": "x"})


def test_remains_of_an_interrupted_call_are_replaced(tmp_path):
    (tmp_path / ".s.zarr.partial" / "faces").mkdir(parents=True)
    (tmp_path / "s.zarr").mkdir()
    assert create_store(tmp_path / "s.zarr", LAYOUT, {})["faces"].shape[0] == 10


def test_no_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        open_store(tmp_path / "absent.zarr")


def test_rows_are_read_by_partition(tmp_path):
    path = tmp_path / "s.zarr"
    faces = create_store(path, LAYOUT, {})["faces"]
    for start in (0, 4, 8):
        stop = min(start + 4, 10)
        block = np.repeat(np.arange(start, stop, dtype=np.uint8)[:, None], 307_200, 1)
        faces[start:stop] = block
    reader = RowReader(path)
    wanted = np.array([1, 2, 5, 8, 9])
    found = list(reader.iter_partitions(wanted))
    assert [rows.tolist() for rows, _ in found] == [[1, 2], [5], [8, 9]]
    for rows, pixels in found:
        np.testing.assert_array_equal(pixels[:, 0], rows)
        np.testing.assert_array_equal(pixels[:, -1], rows)


def test_an_empty_partition_has_no_file_and_reads_as_zero(tmp_path):
    path = tmp_path / "s.zarr"
    group = create_store(path, LAYOUT, {})
    group["faces"][0:4] = np.zeros((4, 307_200), np.uint8)
    assert not (path / "faces" / "c" / "0").exists()
    assert zarr.open_group(path, mode="r")["faces"][0].sum() == 0
