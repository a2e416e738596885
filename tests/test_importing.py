"""import-images: a folder of images becomes a run like any other."""

import json

import numpy as np
import pytest
import zarr
from PIL import Image

from dfhpc import importing, pipeline
from dfhpc.demo.clips import real_frames
from dfhpc.errors import ConfigError, DataLayoutError, SettingsMismatchError
from dfhpc.reporting.images_text import import_text
from dfhpc.runs import RunDirectory, read_json
from dfhpc.stages.predict import Judge
from dfhpc.videos.manifest import read_manifest

NO_OPTIONS = {"assignments": (), "models": None}
TRAINING = ('train.models=["sgd"]', "train.sgd.epochs=1", "train.sgd.batch_rows=8")
NUM_VIDEOS = 12


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Return crops as work B's: 12 videos of 3 each, real and fake, one broken."""
    root = tmp_path_factory.mktemp("crops")
    for video in range(NUM_VIDEOS):
        label = ("real", "fake")[video % 2]
        (root / label).mkdir(exist_ok=True)
        for at, frame in enumerate(real_frames(video, 3)):
            picture = Image.fromarray(frame).resize((320, 320))
            picture.save(root / label / f"{label}_video{video}_image_{at * 9}.jpg")
    (root / "real" / "real_video0_image_0.jpg").write_bytes(b"\xff\xd8 no more")
    return root


def _import(run_dir, root, *, options=NO_OPTIONS, stages=("scan", "extract"), **wanted):
    keys = {"data.path": str(root), "cluster.workers": 0, **wanted}
    settings = importing.resolve_import(run_dir, None, keys, options)
    run = pipeline.start(run_dir, settings)
    pipeline.run_stages(run, settings, stages, lambda stage, found: None)
    return run, settings


@pytest.fixture(scope="module")
def imported(tmp_path_factory, crops):
    folder = tmp_path_factory.mktemp("imported") / "run"
    options = {"assignments": TRAINING, "models": None}
    return _import(folder, crops, options=options, **{"extract.images": "crops"})


def test_every_crop_is_a_row_to_the_bit(imported, crops):
    run, settings = imported
    assert settings.extract.frames_per_video == 3
    group = zarr.open_group(run.store_path, mode="r")
    faces, valid = group["faces"][...], group["valid"][...]
    for position, video in enumerate(read_manifest(run.manifest_path)):
        for slot, name in enumerate(video.image_names):
            row = 3 * position + slot
            if not valid[row]:
                assert name == "real_video0_image_0.jpg"
                continue
            picture = np.asarray(Image.open(crops / video.label_name / name))
            np.testing.assert_array_equal(faces[row], picture.reshape(-1))
    assert valid.sum() == 3 * NUM_VIDEOS - 1


def test_the_summary_says_what_is_not_known(imported):
    summary = importing.summarize_import(*imported)
    assert summary["images"] == 3 * NUM_VIDEOS
    assert (summary["videos"], summary["single_images"]) == (NUM_VIDEOS, 0)
    assert not summary["groups_known"]
    text = import_text(summary)
    assert "36 images as 12 videos." in text
    assert "the same people may be on both sides" in text
    assert "LEAK" not in text


def test_names_of_frames_are_in_the_marks(imported):
    run, _ = imported
    frames = [
        frame
        for path in sorted(run.partitions_dir.glob("0*.json"))
        for video in read_json(path)["videos"]
        for frame in video["frames"]
    ]
    assert len({frame["name"] for frame in frames}) == 3 * NUM_VIDEOS
    broken = [frame["name"] for frame in frames if frame["status"] != "ok"]
    assert broken == ["real_video0_image_0.jpg"]


def test_train_evaluate_and_predict_go_on(imported, crops):
    run, settings = imported
    stages = ("train", "evaluate")
    assert pipeline.run_stages(run, settings, stages, lambda stage, found: None)
    path = crops / "fake" / "fake_video1_image_9.jpg"
    verdict = Judge(run, "sgd").judge(path).verdict
    assert verdict["frames"][0]["box"] == [0, 0, 320, 320]
    assert 0 <= verdict["frames"][0]["score"] <= 1


def test_images_alone_are_said_to_leak(tmp_path):
    for name in ("real/1.png", "real/2.png", "fake/3.png", "fake/4.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (320, 320)).save(tmp_path / "data" / name)
    run, settings = _import(
        tmp_path / "run", tmp_path / "data", **{"extract.images": "crops"}
    )
    summary = importing.summarize_import(run, settings)
    assert summary["single_images"] == summary["videos"] == 4
    assert "LEAK" in import_text(summary)


def test_the_same_command_goes_on_and_another_is_refused(imported, crops):
    run, settings = imported
    again = importing.resolve_import(
        run.path, None, {"data.path": str(crops)}, NO_OPTIONS
    )
    assert again.extract == settings.extract
    other = importing.resolve_import(
        run.path,
        None,
        {"data.path": str(crops), "extract.images": "frames"},
        NO_OPTIONS,
    )
    with pytest.raises(SettingsMismatchError, match=r"extract\.images"):
        pipeline.start(run.path, other)


def test_a_long_folder_is_thinned_evenly_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "TARGET_SHARD_ROWS", 4)
    (tmp_path / "data" / "real" / "v").mkdir(parents=True)
    for index in range(10):
        picture = Image.new("RGB", (320, 320), (index, 0, 0))
        picture.save(tmp_path / "data" / "real" / "v" / f"{index}.png")
    run, settings = _import(
        tmp_path / "run", tmp_path / "data", **{"extract.images": "crops"}
    )
    group = zarr.open_group(run.store_path, mode="r")
    assert group["faces"][:, 0].tolist() == [0, 3, 6, 9]
    summary = importing.summarize_import(run, settings)
    assert summary["images_left_out"] == 6
    assert "6 images are left out" in import_text(summary)


def test_a_recipe_and_options_come_before_what_fits(tmp_path, crops):
    recipe = tmp_path / "r.toml"
    recipe.write_text('[extract]\npolicy = "stride"\nstride = 2\n')
    wanted = {"data.path": str(crops), "extract.images": "crops"}
    options = {"assignments": ("extract.crop=square",), "models": None}
    settings = importing.resolve_import(tmp_path / "run", recipe, wanted, options)
    assert (settings.extract.policy, settings.extract.stride) == ("stride", 2)
    assert settings.extract.crop == "square"


def test_a_folder_without_images_is_one_sentence(tmp_path):
    with pytest.raises(DataLayoutError, match="holds no JPEG"):
        _import(tmp_path / "run", tmp_path)


def test_a_wrong_pattern_is_one_sentence(tmp_path, crops):
    with pytest.raises(ConfigError, match=r"image_groups holds '\(', no regular"):
        _import(tmp_path / "run", crops, **{"data.image_groups": ["("]})


def test_the_command_gives_json(crops, tmp_path, dfhpc):
    done = dfhpc(
        *("import-images", crops, "--run-dir", tmp_path / "run", "--kind", "crops"),
        *("--group-by", r"(?P<video>video(?P<group>\d+))_", "--workers", "0", "--json"),
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["extraction"]["videos"]["ok"] == NUM_VIDEOS - 1
    videos = read_manifest(RunDirectory(tmp_path / "run").manifest_path)
    assert {video.group_id for video in videos} == {str(n) for n in range(NUM_VIDEOS)}
