"""What comes before and after a network's training: first weights, features, files."""

import functools
import gc
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn_checkpoint import (
    BEST_NAME,
    CHECKPOINT_NAME,
    INITIAL_NAME,
    Checkpoint,
    Progress,
    assign,
    load_variables,
    read_variables,
    save_variables,
)
from dfhpc.models.cnn_fit import FEATURES_DIR
from dfhpc.models.cnn_network import (
    HEAD_LAYERS,
    base_of,
    build_first,
    build_network,
    compiled_network,
    scaled,
    scaling_of,
)
from dfhpc.models.cnn_rows import feature_path, small_faces
from dfhpc.models.cnn_runtime import load_keras, old_arrays
from dfhpc.models.files import save_arrays
from dfhpc.runs import atomic_path, write_json
from dfhpc.store.reading import RowReader, Rows

WEIGHTS_NAME = "network.weights.h5"
NETWORK_NAME = "network.json"

FEATURE_ROWS = 16
"""Rows that go through the base at a time."""


def begin(folder: Path, config: CnnConfig) -> None:
    """Write the first weights, and a checkpoint from which nothing is done.

    Raises
    ------
    ModelError
        When the base's weights are not to be had.
    """
    network = build_first(config)
    values = read_variables(network.variables)
    save_variables(folder / INITIAL_NAME, values)
    if config.is_on_features:
        head = [network.get_layer(name) for name in HEAD_LAYERS]
        values = read_variables([v for layer in head for v in layer.variables])
    Checkpoint(Progress(), values, []).save(folder / CHECKPOINT_NAME)


def compute_features(
    store_path: Path, folder: Path, config: CnnConfig, index: int, rows: Rows
) -> None:
    """Write what the base gives for the rows of a partition.

    The file is the mark that it is done: it is whole or absent.
    """
    begun = (folder / INITIAL_NAME).stat().st_mtime_ns
    base = _first_base(folder, config, begun)
    found, pixels = RowReader(store_path).read_partition(index, rows)
    parts = []
    for start in range(0, len(found), FEATURE_ROWS):
        faces = small_faces(pixels[start : start + FEATURE_ROWS], config.side)
        batch = scaled(faces.astype(np.float32), scaling_of(config))
        parts.append(np.asarray(base(batch, training=False)))
    save_arrays(
        feature_path(folder / FEATURES_DIR, index),
        {"rows": found, "features": np.concatenate(parts)},
    )


@functools.lru_cache(maxsize=1)
def _first_base(folder: Path, config: CnnConfig, begun: int) -> Any:
    """Return the base with its first weights, kept for the next partition."""
    del begun
    network = build_network(config)
    assign(network.variables, load_variables(folder / INITIAL_NAME))
    return base_of(network)


def finish(folder: Path, config: CnnConfig) -> dict[str, Any]:
    """Write the trained network and return what its training was.

    The last epoch's weights are taken, or with ``patience`` the best one's.
    """
    compiled_network.cache_clear()
    _first_base.cache_clear()
    gc.collect()
    # Names that Keras gives are written with the weights, and count up in a process.
    load_keras().keras.utils.clear_session()
    state = Checkpoint.load(folder / CHECKPOINT_NAME)
    values, kept = state.network, state.progress.epoch
    if config.patience is not None and state.progress.best is not None:
        values, kept = load_variables(folder / BEST_NAME), state.progress.best + 1
    network = build_network(config)
    if config.is_on_features:
        assign(network.variables, load_variables(folder / INITIAL_NAME))
        head = [network.get_layer(name) for name in HEAD_LAYERS]
        assign([v for layer in head for v in layer.variables], values)
    else:
        assign(network.variables, values)
    _save_network(folder, network, config)
    return {
        "epochs": state.progress.epoch,
        "epoch_kept": kept,
        "by_epoch": list(state.progress.history),
    }


def _save_network(folder: Path, network: Any, config: CnnConfig) -> None:
    with atomic_path(folder / WEIGHTS_NAME) as tmp:
        # Keras goes by how a name ends.
        named = tmp.with_name(f"{tmp.name}.weights.h5")
        try:
            with old_arrays():
                network.save_weights(named)
            named.replace(tmp)
        finally:
            named.unlink(missing_ok=True)
    runtime = load_keras()
    keras, tf = runtime.keras, runtime.tf
    write_json(
        folder / NETWORK_NAME,
        {
            "network": config.model_dump(mode="json"),
            "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
        },
    )
