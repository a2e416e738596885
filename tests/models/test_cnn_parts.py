"""What a network stands on: weights, scaling, order of rows, how faces are moved."""

import inspect
import random
import subprocess
import sys

import numpy as np
import pytest

from dfhpc.errors import DfhpcError, ModelError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn import CnnTrainer
from dfhpc.models.cnn_augment import draw_motion, moved
from dfhpc.models.cnn_bases import BASES
from dfhpc.models.cnn_epoch import count_batches, from_batch, plan_epoch
from dfhpc.models.cnn_history import largest_loss
from dfhpc.models.cnn_network import (
    base_of,
    build_base,
    build_first,
    scaled,
    scaling_of,
)
from dfhpc.models.cnn_runtime import load_keras, old_arrays
from dfhpc.models.cnn_weights import cached_path, ensure_weights, load_base_weights
from dfhpc.recipes import parse_settings


def test_files_of_weights_are_those_that_keras_asks_for(monkeypatch):
    keras = load_keras().keras
    from keras.src.utils import file_utils

    asked = []

    class Asked(Exception):  # noqa: N818
        pass

    def get_file(name, url, cache_subdir, file_hash):
        asked.append((name, url, cache_subdir, file_hash))
        raise Asked

    monkeypatch.setattr(file_utils, "get_file", get_file)
    for name in ("vgg16", "mobilenet_v3_small"):
        base = BASES[name]
        with pytest.raises(Asked):
            getattr(keras.applications, base.application)(
                weights="imagenet",
                include_top=False,
                input_shape=(224, 224, 3),
                **base.options,
            )
        file = base.weights
        assert asked[-1] == (file.name, file.url, "models", file.md5)
    # Others take seconds to build; what they would ask for is in their source.
    for base in BASES.values():
        module = sys.modules[getattr(keras.applications, base.application).__module__]
        source = inspect.getsource(module)
        assert base.weights.md5 in source
        assert f"keras-applications/{base.weights.folder}/" in source.replace(
            '"\n    "', ""
        )


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "xception"])
def test_scaling_is_that_of_keras(name):
    keras = load_keras().keras
    module = getattr(keras.applications, name)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    config = CnnConfig(base=name, side=71)
    found = np.asarray(scaled(pixels, scaling_of(config)))
    expected = module.preprocess_input(pixels.copy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["efficientnet_v2_b0", "mobilenet_v3_small"])
def test_scaling_is_what_keras_would_do_inside(name):
    keras = load_keras().keras
    application = getattr(keras.applications, BASES[name].application)
    base = application(weights=None, include_top=False, input_shape=(32, 32, 3))
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    expected = pixels
    for layer in base.layers:
        if isinstance(layer, kinds):
            expected = layer(expected)
    found = np.asarray(scaled(pixels, scaling_of(CnnConfig(base=name))))
    np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-4, atol=1e-4)


def test_work_as_pixels_are_from_0_to_1():
    pixels = np.array([[[[0, 51, 255]]]], np.float32)
    found = np.asarray(scaled(pixels, scaling_of(CnnConfig(scaling="unit"))))
    np.testing.assert_allclose(found, pixels / 255, rtol=1e-6)


def test_without_a_network_one_sentence_says_which_file_to_put_where(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    name = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path = tmp_path / "models" / name
    assert cached_path(BASES["vgg16"].weights) == path
    with pytest.raises(ModelError) as caught:
        ensure_weights(CnnConfig())
    message = str(caught.value)
    assert f"put it there as {path}." in message
    assert BASES["vgg16"].weights.url in message
    assert caught.value.exit_code == 1
    assert "\n" not in message
    assert not path.exists()


def test_a_file_in_kerass_folder_is_taken_if_it_is_the_right_one(tmp_path, monkeypatch):
    import dataclasses
    import hashlib

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = dataclasses.replace(
        BASES["vgg16"].weights, md5=hashlib.md5(b"weights").hexdigest()
    )
    base = dataclasses.replace(BASES["vgg16"], weights=file)
    monkeypatch.setitem(BASES, "vgg16", base)
    path = cached_path(file)
    path.parent.mkdir()
    path.write_bytes(b"weights")
    assert ensure_weights(CnnConfig()) == path


def test_it_is_found_out_before_extraction(tmp_path, clips, monkeypatch):
    from dfhpc import pipeline

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    raw = {"data": {"path": str(clips)}, "train": {"models": ["cnn"]}}
    settings = parse_settings(raw, "test")
    run = pipeline.start(tmp_path / "run", settings)
    with pytest.raises(ModelError, match="ImageNet weights of vgg16 are not at"):
        pipeline.run_stages(run, settings, pipeline.STAGES, lambda stage, result: None)
    assert not run.partitions_dir.exists()


def test_other_files_are_no_weights(tmp_path):
    config = CnnConfig(weights=tmp_path / "a.weights.h5", side=32)
    with pytest.raises(ModelError, match="There is no file"):
        ensure_weights(config)
    (tmp_path / "a.weights.h5").write_bytes(b"no weights")
    base = build_base(config)
    with pytest.raises(ModelError, match="does not hold weights of vgg16"):
        load_base_weights(base, config)
    keras = load_keras().keras
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    with old_arrays():
        other.save_weights(config.weights)
    with pytest.raises(ModelError, match=r"layers \(it is of another network\)\.$"):
        load_base_weights(base, config)


def test_first_weights_depend_on_the_seed_alone():
    """Another thread may draw from Python's generator at any moment."""
    # It has layers of every kind that begins at random.
    name, found = "efficientnet_v2_b0", []
    for state, seed in ((1, 0), (2, 0), (2, 1)):
        random.seed(state)
        config = CnnConfig(base=name, weights="none", side=32, dense_units=8, seed=seed)
        network = build_first(config)
        assert base_of(network).count_params() == BASES[name].parameters
        found.append([np.asarray(v.numpy()) for v in network.variables])
    same = [np.array_equal(one, other) for one, other in zip(*found[:2], strict=True)]
    assert all(same)
    differ = [
        not np.array_equal(one, other) for one, other in zip(*found[1:], strict=True)
    ]
    assert sum(differ) > len(differ) / 6


def test_settings_are_work_as():
    config = CnnConfig()
    assert (config.base, config.weights, config.side) == ("vgg16", "imagenet", 150)
    assert (config.dense_units, config.learning_rate) == (256, 2e-5)
    assert (config.epochs, config.batch_rows, config.flip) == (10, 10, True)
    assert (config.rotation, config.shift, config.shear, config.zoom) == (
        40,
        0.2,
        0.2,
        0.2,
    )
    assert config.base_training == "unfrozen"


def test_a_side_too_small_for_a_base_is_refused():
    raw = {"train": {"cnn": {"base": "xception", "side": 70}}}
    with pytest.raises(DfhpcError, match="xception needs a side of at least 71"):
        parse_settings(raw, "test")


def test_a_warm_up_that_never_ends_is_refused():
    with pytest.raises(ValueError, match="leaves none of the 2 epochs for the base"):
        CnnConfig(base_training="warm_up", warm_up_epochs=2, epochs=2)
    assert CnnConfig(warm_up_epochs=2, epochs=2).base_training == "unfrozen"


def test_the_axis_of_losses_ends_above_the_largest():
    entries = [
        {"train": {"loss": 0.5}, "calibration": None},
        {"train": {"loss": 0.4}, "calibration": {"loss": 0.7}},
    ]
    assert largest_loss(entries) == 0.7
    assert largest_loss([{"train": {"loss": 0.0}, "calibration": None}]) == 1.0


def test_windows_of_features_are_counted_as_floats():
    pixels = CnnTrainer("cnn", CnnConfig(base="xception", base_training="frozen"))
    config = CnnConfig(base="xception", base_training="frozen", augment=False)
    features, shard = CnnTrainer("cnn", config), 112 * 307_200
    more = features.project_bytes(0, shard) - pixels.project_bytes(0, shard)
    kept = 112 * (4 * 51_200 - 307_200 * (150 / 320) ** 2)
    assert more == pytest.approx(3 * 4 * kept, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Please import `affine_transform`")
def test_faces_are_moved_as_keras_moves_them():
    load_keras()
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    config = CnnConfig(side=48, shear=20)
    rng = np.random.default_rng(0)
    for row in range(5):
        image = rng.integers(0, 256, (48, 48, 3), np.uint8)
        motion = draw_motion(config, 1, row)
        expected = apply_affine_transform(
            image.astype(np.float32),
            theta=motion.theta,
            tx=motion.down,
            ty=motion.right,
            shear=motion.shear,
            zx=motion.zoom_down,
            zy=motion.zoom_right,
            row_axis=0,
            col_axis=1,
            channel_axis=2,
        )
        if motion.is_mirrored:
            expected = expected[:, ::-1]
        np.testing.assert_allclose(moved(image, motion), expected, atol=0.01)


def test_motions_depend_on_seed_epoch_and_row_alone():
    config = CnnConfig()
    one = [draw_motion(config, 0, row) for row in range(200)]
    assert one[3] == draw_motion(config, 0, 3)
    other_seed = CnnConfig(seed=1)
    others = (draw_motion(config, 1, 3), draw_motion(other_seed, 0, 3), one[4])
    assert len({one[3], *others}) == 4
    assert 0.35 < np.mean([motion.is_mirrored for motion in one]) < 0.65
    thetas = np.array([motion.theta for motion in one])
    assert -40 <= thetas.min() < -35 < 35 < thetas.max() <= 40
    zooms = np.array([motion.zoom_down for motion in one])
    assert 0.8 <= zooms.min() < 0.82 < 1.18 < zooms.max() <= 1.2


def test_an_epoch_sees_every_row_once_in_even_batches():
    rows = np.flatnonzero(np.random.default_rng(0).random(1000) < 0.4)
    config = CnnConfig(batch_rows=10, buffer_partitions=3)
    epochs = [plan_epoch(rows, 70, config, epoch) for epoch in range(2)]
    for windows in epochs:
        batches = [batch for window in windows for batch in window.batches]
        assert sorted(np.concatenate(batches).tolist()) == rows.tolist()
        assert {len(batch) for batch in batches} <= {8, 9, 10}
        for window in windows:
            assert len(window.partitions) <= 3
            assert set(window.rows // 70) == set(window.partitions)
    assert epochs[0][0].partitions != epochs[1][0].partitions
    again = plan_epoch(rows, 70, config, 0)
    assert [w.partitions for w in again] == [w.partitions for w in epochs[0]]


def test_what_is_left_of_an_epoch_is_what_was_not_done():
    windows = plan_epoch(np.arange(100), 10, CnnConfig(buffer_partitions=2), 0)
    batches = [batch.tolist() for window in windows for batch in window.batches]
    for first in range(count_batches(windows) + 1):
        left = [b.tolist() for w in from_batch(windows, first) for b in w.batches]
        assert left == batches[first:]


def test_the_trainer_itself_needs_no_tensorflow():
    code = (
        "import sys; from dfhpc.models import cnn; "
        "cnn.CnnTrainer('cnn', cnn.CnnConfig()).project_bytes(9, 9); "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
