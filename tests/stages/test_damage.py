"""What is lost or damaged in a run directory is said or mended, never passed over."""

import json
import shutil

import pytest

from dfhpc import pipeline
from dfhpc.errors import (
    ProjectedMemoryError,
    RunDirectoryError,
    SettingsMismatchError,
    SplitError,
    StoreError,
)
from dfhpc.recipes import parse_settings
from dfhpc.runs import RunDirectory, read_json
from dfhpc.stages.predict import choose_model
from dfhpc.status import read_status
from tests.stages.test_extract import assert_equal_stores
from tests.stages.test_whole_run import run_all


@pytest.fixture(scope="module")
def original(tmp_path_factory, clips):
    return run_all(tmp_path_factory.mktemp("original") / "run", clips)


@pytest.fixture
def copy(original, tmp_path):
    run, settings = original
    shutil.copytree(run.path, tmp_path / "run")
    return RunDirectory(tmp_path / "run"), settings


def _again(run, settings, *stages):
    results = {}
    pipeline.run_stages(run, settings, stages or pipeline.STAGES, results.__setitem__)
    return list(results)


def _shard(run, index=3):
    return run.store_path / "faces" / "c" / str(index) / "0"


def _forget_results(run):
    shutil.rmtree(run.models_dir)
    shutil.rmtree(run.evaluation_dir)


def test_a_lost_shard_is_never_read_as_black_pictures(copy):
    run, settings = copy
    for index in range(24):
        _shard(run, index).unlink()
    _forget_results(run)
    with pytest.raises(StoreError, match=r"cannot be read: it is gone\. Delete"):
        _again(run, settings)


@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_damaged_shard_is_made_anew_when_extraction_goes_on(copy, original, damage):
    run, settings = copy
    data = _shard(run).read_bytes()
    _shard(run).unlink()
    if damage == "cut":
        _shard(run).write_bytes(data[: len(data) // 2])
    run.extracted_path.unlink()
    marks = {p: p.stat().st_mtime_ns for p in run.partitions_dir.glob("0*.json")}
    _again(run, settings, "extract")
    changed = [p.name for p, t in marks.items() if p.stat().st_mtime_ns != t]
    assert changed == ["000003.json"]
    assert_equal_stores(run, original[0])


def test_a_cut_shard_is_a_sentence_for_who_reads_it(copy):
    run, settings = copy
    for index in range(24):
        data = _shard(run, index).read_bytes()
        _shard(run, index).write_bytes(data[: len(data) // 2])
    _forget_results(run)
    with pytest.raises(StoreError, match="cannot be read"):
        _again(run, settings)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"videos": []}'])
def test_a_damaged_mark_is_no_mark(copy, original, text):
    run, settings = copy
    run.partition_path(5).write_text(text)
    run.extracted_path.unlink()
    _again(run, settings, "extract")
    assert_equal_stores(run, original[0])


def test_a_lost_store_is_made_anew(copy, original):
    run, settings = copy
    shutil.rmtree(run.store_path)
    assert _again(run, settings) == ["extract"]
    assert_equal_stores(run, original[0])


def test_a_lost_manifest_is_made_anew_and_is_no_licence_for_other_settings(copy):
    run, settings = copy
    before = run.manifest_path.read_bytes()
    run.manifest_path.unlink()
    other = {**settings.to_json(), "extract": {"stride": 5}}
    with pytest.raises(SettingsMismatchError, match=r"extract\.stride"):
        pipeline.start(run.path, parse_settings(other, "test"))
    assert _again(run, settings) == ["scan"]
    assert run.manifest_path.read_bytes() == before


def test_a_lost_manifest_and_other_data_are_refused(tmp_path, clips):
    data = tmp_path / "data"
    shutil.copytree(clips, data)
    run, settings = run_all(tmp_path / "run", data, stages=("scan", "extract"))
    next(data.rglob("*.mp4")).unlink()
    run.manifest_path.unlink()
    with pytest.raises(StoreError, match="no longer those"):
        _again(run, settings)


@pytest.mark.parametrize("name", ["random_forest/forest.npz", "sgd/weights.npz"])
def test_a_lost_model_file_is_trained_anew(copy, original, name):
    run, settings = copy
    (run.models_dir / name).unlink()
    assert _again(run, settings) == ["train"]
    expected = (original[0].models_dir / name).read_bytes()
    assert (run.models_dir / name).read_bytes() == expected


def test_a_lost_split_is_made_anew(copy):
    run, settings = copy
    before = run.split_path.read_bytes()
    run.split_path.unlink()
    shutil.rmtree(run.evaluation_dir)
    assert _again(run, settings) == ["evaluate"]
    assert run.split_path.read_bytes() == before


def test_lost_small_arrays_are_a_sentence(copy):
    run, settings = copy
    shutil.rmtree(run.store_path / "valid")
    _forget_results(run)
    with pytest.raises(
        StoreError, match=r"valid is lost or damaged .* run `dfhpc extr"
    ):
        _again(run, settings)


@pytest.mark.parametrize(
    "name", ["config", "partitions/finished", "evaluation/evaluation"]
)
@pytest.mark.parametrize("text", ["[]", "{}", "{"])
def test_damaged_records_are_sentences(copy, name, text):
    run, _ = copy
    (run.path / f"{name}.json").write_text(text)
    with pytest.raises(RunDirectoryError, match=r"is damaged"):
        read_status(pipeline.open_run(run.path))


def test_a_damaged_model_card_is_a_sentence(copy):
    run, settings = copy
    run.model_path("sgd").write_text("{}")
    with pytest.raises(RunDirectoryError, match="damaged"):
        _again(run, settings)
    run.evaluation_path.write_text(json.dumps({}))
    with pytest.raises(RunDirectoryError, match="damaged"):
        choose_model(run, None)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"split": {"kind": "official"}}, r"split\.files"),
        ({"split": {"kind": "official", "files": "absent"}}, r"train\.json"),
    ],
)
def test_what_cannot_be_split_is_refused_before_extraction(
    tmp_path, clips, sections, message
):
    with pytest.raises(SplitError, match=message):
        run_all(tmp_path / "run", clips, **sections)
    assert not (tmp_path / "run" / "faces.zarr").exists()


@pytest.mark.parametrize("kind", ["group", "random_rows"])
def test_one_class_is_refused_before_extraction(tmp_path, clips, kind):
    data = tmp_path / "data" / "real"
    data.mkdir(parents=True)
    for path in clips.rglob("youtube/c23/videos/*.mp4"):
        (data / path.name).symlink_to(path)
    with pytest.raises(SplitError, match="no fake video"):
        run_all(tmp_path / "run", tmp_path / "data", split={"kind": kind})
    assert not (tmp_path / "run" / "faces.zarr").exists()


def test_unlabelled_videos_can_be_extracted_by_themselves(tmp_path, clips):
    data = tmp_path / "data"
    data.mkdir()
    for path in sorted(clips.rglob("youtube/c23/videos/*.mp4"))[:3]:
        (data / path.name).symlink_to(path)
    run, _ = run_all(tmp_path / "run", data, stages=("scan", "extract"))
    assert read_json(run.extracted_path)["classes"]["unknown"]["ok"] > 0


def test_too_small_a_worker_is_refused_before_it_is_started_on_a_video(
    tmp_path, clips, monkeypatch
):
    from dfhpc.cluster.inline import InlinePool

    monkeypatch.setattr(InlinePool, "worker_memory_bytes", 10**8)
    with pytest.raises(ProjectedMemoryError, match=r"Extraction would need .* 0\.1 GB"):
        run_all(tmp_path / "run", clips)


def test_videos_without_a_face_are_counted_in_the_evaluation(tmp_path, clips):
    from dfhpc.demo.clips import faceless_frames, write_clip
    from dfhpc.reporting.tables import evaluation_text

    table = ["path,label,group"]
    for person in range(8):
        for path in clips.rglob(f"{person:03d}*.mp4"):
            label = "real" if "original" in str(path) else "fake"
            table.append(f"{path},{label},{person // 2}")
    for index in range(8):
        write_clip(tmp_path / f"blank{index}.mp4", faceless_frames(9))
        table.append(f"blank{index}.mp4,{'real' if index % 2 else 'fake'},{index // 2}")
    (tmp_path / "table.csv").write_text("\n".join(table))
    run, _ = run_all(tmp_path / "run", tmp_path / "table.csv")
    evaluation = read_json(run.evaluation_path)
    assert sum(evaluation["not_scored"].values()) == 8
    assert evaluation["not_scored"]["test"] > 0
    assert "without a face" in evaluation_text(evaluation)
