import json

import pytest

from dfhpc.errors import IncompleteStageError, RunDirectoryError
from dfhpc.runs import (
    RunDirectory,
    atomic_path,
    open_run,
    read_json,
    read_record,
    write_json,
)
from dfhpc.sweeping import sweep_partial


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "a.json"
    write_json(target, {"old": 1})

    def interrupted():
        with atomic_path(target) as tmp:
            tmp.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read_json(target) == {"old": 1}
    assert list(tmp_path.iterdir()) == [target]


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_names_outside_unicode_survive(tmp_path):
    write_json(tmp_path / "a.json", {"name": "\udcff ü"})
    assert read_json(tmp_path / "a.json") == {"name": "\udcff ü"}


@pytest.mark.parametrize("text", [None, "", "{", "\xff"])
def test_absent_and_damaged_json_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(RunDirectoryError, match=r"a\.json"):
        read_json(tmp_path / "a.json")


def test_what_is_no_run_directory_is_refused(tmp_path):
    with pytest.raises(RunDirectoryError, match="not a run directory"):
        open_run(tmp_path)
    with pytest.raises(RunDirectoryError, match="not a run directory"):
        open_run(tmp_path / "absent")


def test_another_format_version_is_refused(tmp_path):
    run = RunDirectory(tmp_path)
    run.config_path.write_text(json.dumps({"format_version": 99}))
    with pytest.raises(RunDirectoryError, match="format version 99"):
        open_run(tmp_path)


def test_a_record_of_another_format_version_is_refused(tmp_path):
    path = tmp_path / "split.json"
    write_json(path, {"kind": "group", "format_version": 99})
    with pytest.raises(RunDirectoryError, match=r"split\.json has format version 99"):
        read_record(path, "kind")
    write_json(path, {"kind": "group"})
    assert read_record(path, "kind") == {"kind": "group"}


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    run = RunDirectory(tmp_path)
    left = run.partitions_dir / ".000001.json.abc.partial"
    kept = [run.partitions_dir / "000001.json", tmp_path / "notes.partial"]
    store = tmp_path / ".faces.zarr.partial"
    store.mkdir()
    for path in (left, *kept):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    sweep_partial(run)
    assert not left.exists()
    assert store.exists()
    assert all(path.exists() for path in kept)


def test_a_full_disk_names_the_file(tmp_path):
    import errno
    import pickle

    from dfhpc.runs import atomic_path

    def write():
        with atomic_path(tmp_path / "sums"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.filename == str(tmp_path / "sums")
    # As it comes from a worker.
    assert pickle.loads(pickle.dumps(caught.value)).filename == str(tmp_path / "sums")


def test_an_error_of_our_own_keeps_its_sentence(tmp_path):
    with (
        pytest.raises(IncompleteStageError, match="^Not yet\\.$"),
        atomic_path(tmp_path / "a"),
    ):
        raise IncompleteStageError("Not yet.")
    assert list(tmp_path.iterdir()) == []
