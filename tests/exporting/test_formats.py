"""Each format gives the pixels back, and needs no more memory than a block."""

import csv
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from dfhpc.constants import LABEL_NAMES, ROW_LENGTH
from dfhpc.exporting.npz import write_arr_0, write_npz
from dfhpc.exporting.parquet import write_parquet
from dfhpc.exporting.png import file_names, safe_name, write_png
from dfhpc.exporting.table import RowTable

IDS = ["real/a.mp4", "fake/ü b.mp4", "\udcff.mp4", "unused/much longer name.mp4"]
BLOCK = 5


def pixels(start, count):
    values = np.random.default_rng(start).integers(0, 256, count * ROW_LENGTH, np.uint8)
    return values.reshape(count, ROW_LENGTH)


def blocks_of(count):
    def blocks():
        for first in range(0, count, BLOCK):
            some = min(BLOCK, count - first)
            yield slice(first, first + some), pixels(first, some)

    return blocks


def table_of(count):
    at = np.arange(count)
    video = (at % 3).astype(np.int32)
    return RowTable(
        row=2 * at,
        video=video,
        label=np.array([0, 1, -1], np.int8)[video],
        frame_index=(30 * at).astype(np.int32),
        time_s=at / 7,
        confidence=np.full(count, 0.99, np.float32),
        box=np.tile(np.arange(4, dtype=np.int32), (count, 1)),
        landmarks=np.full((count, 5, 2), np.nan, np.float32),
        part=np.full(count, "train"),
        video_ids=IDS,
    )


@pytest.fixture
def expected():
    return np.concatenate([block for _, block in blocks_of(12)()])


def test_npz_loads_without_pickle(tmp_path, expected):
    table = table_of(12)
    write_npz(tmp_path / "a.npz", table, blocks_of(12))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["faces"].reshape(12, -1), expected)
        assert found["faces"].shape == (12, 320, 320, 3)
        assert found["video_id"].tolist() == table.ids(slice(None))
        for name in ("row", "label", "frame_index", "time_s", "box", "landmarks"):
            np.testing.assert_array_equal(found[name], getattr(table, name))


def test_arr_0_is_what_numpy_saves_of_work_bs_list(tmp_path, expected):
    labels = [LABEL_NAMES[label] for label in table_of(12).label.tolist()]
    pairs = np.array(list(zip(expected, labels, strict=True)), dtype=object)
    np.savez(tmp_path / "numpy.npz", pairs)
    write_arr_0(tmp_path / "ours.npz", table_of(12), blocks_of(12))
    theirs = np.load(tmp_path / "numpy.npz", allow_pickle=True)["arr_0"]
    ours = np.load(tmp_path / "ours.npz", allow_pickle=True)["arr_0"]
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype) == ((12, 2), object)
    for (one, label), (other, name) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
        assert label == name


def test_parquet(tmp_path, expected):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(tmp_path / "a.parquet", table_of(12), blocks_of(12))
    found = parquet.read_table(tmp_path / "a.parquet")
    faces = np.frombuffer(b"".join(found["face"].to_pylist()), np.uint8)
    np.testing.assert_array_equal(faces.reshape(12, -1), expected)
    assert found["label"].to_pylist()[:3] == ["real", "fake", "unknown"]
    assert found["video_id"].to_pylist()[:3] == ["real/a.mp4", "fake/ü b.mp4", "�.mp4"]
    assert found["box"].to_pylist()[0] == [0, 1, 2, 3]


def test_png(tmp_path, expected):
    write_png(tmp_path, table_of(12), blocks_of(12))
    with (tmp_path / "rows.csv").open(errors="surrogateescape") as file:
        lines = list(csv.DictReader(file))
    assert [line["video_id"] for line in lines] == table_of(12).ids(slice(None))
    assert lines[1]["file"] == "fake/fake__ü_b.mp4_000030.png"
    for line, face in zip(lines, expected, strict=True):
        picture = np.asarray(Image.open(tmp_path / line["file"]))
        np.testing.assert_array_equal(picture.reshape(-1), face)


def test_two_faces_of_a_frame_are_two_files(tmp_path):
    table = table_of(12)
    table.frame_index[:] = 7
    write_png(tmp_path, table, blocks_of(12))
    assert len(list(tmp_path.rglob("*.png"))) == 12


@pytest.mark.parametrize("write", [write_npz, write_arr_0, write_parquet])
def test_the_same_rows_give_the_same_bytes(tmp_path, write):
    for name in ("a", "b"):
        write(tmp_path / name, table_of(12), blocks_of(12))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("write", [write_npz, write_arr_0])
def test_memory_is_that_of_a_few_blocks(tmp_path, write):
    tracemalloc.start()
    try:
        write(tmp_path / "a.npz", table_of(150), blocks_of(150))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * BLOCK * ROW_LENGTH


def test_names_are_safe_and_different():
    names = file_names(["a/b", "a__b", "A/B", ".x", "..", "é" * 300, "a\nb", "con?"])
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert len(name.encode()) < 220
        assert not set(name) & set('/\\\n?*:"<>|\0')
        assert not name.startswith((".", "-"))
    assert safe_name("real/000.mp4") == "real__000.mp4"
