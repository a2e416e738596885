"""A trained network: scores of rows, and what in a face speaks for fake."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.constants import FACE_SIDE
from dfhpc.errors import ModelError
from dfhpc.model_configs import CnnConfig
from dfhpc.models.base import Scores
from dfhpc.models.cnn_bases import BASES
from dfhpc.models.cnn_network import (
    HEAD_LAYERS,
    base_of,
    build_network,
    scaled,
    scaling_of,
)
from dfhpc.models.cnn_rows import small_faces
from dfhpc.models.cnn_runtime import load_keras
from dfhpc.store.reading import Pixels

BATCH_ROWS = 8
"""Rows that go through the network at a time, always so many.

The order of sums in a matrix product may depend on its size; with the same size, a
row scores the same alone and among others.
"""


class CnnModel:
    """Loaded when it first scores: TensorFlow takes seconds to import."""

    def __init__(self, weights_path: Path, config: CnnConfig) -> None:
        """Take the file of weights and the settings that the network was built by."""
        self._path = weights_path
        self._config = config

    def score(self, rows: Pixels) -> Scores:
        """Return P(fake) of each row of (n, 307200), a few rows at a time."""
        scores = np.zeros(len(rows), np.float64)
        for start in range(0, len(rows), BATCH_ROWS):
            faces = small_faces(rows[start : start + BATCH_ROWS], self._config.side)
            batch = np.zeros((BATCH_ROWS, *faces.shape[1:]), np.float32)
            batch[: len(faces)] = faces
            found = np.asarray(self._run(batch))
            scores[start : start + len(faces)] = found[: len(faces), 0]
        return scores

    def explain(self, row: Pixels) -> NDArray[np.float32]:
        """Return what of a face (307200,) speaks for fake, (320, 320), by Grad-CAM.

        Features of the last layer, each weighted with the mean gradient of the
        network's output before its sigmoid (Selvaraju et al. 2017, eq. 1 and 2).
        Their last step, which sets to zero what speaks against, is left to the
        reader: here it is negative.
        """
        runtime = load_keras()
        tf = runtime.tf
        face = small_faces(row[None], self._config.side).astype(np.float32)
        with tf.GradientTape() as tape:
            looked_at = self._features(tf.constant(face))
            tape.watch(looked_at)
            output = self._logit(self._rest(looked_at))
        gradient = np.asarray(tape.gradient(output, looked_at))
        weights = gradient.mean(axis=(1, 2), keepdims=True)
        return enlarged((weights * np.asarray(looked_at)).sum(axis=-1)[0])

    @functools.cached_property
    def _network(self) -> Any:
        load_keras()
        network = build_network(self._config)
        try:
            network.load_weights(self._path)
        except (ValueError, OSError, KeyError) as error:
            raise ModelError(
                f"{self._path} does not hold the weights of this network ({error}); "
                "delete its folder and train again."
            ) from error
        return network

    @functools.cached_property
    def _run(self) -> Any:
        tf, network = load_keras().tf, self._network
        shape = (BATCH_ROWS, self._config.side, self._config.side, 3)
        return tf.function(
            lambda batch: network(batch, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )

    @functools.cached_property
    def _looking(self) -> tuple[Any, Any]:
        """The base up to the layer that is looked at, and from there on."""
        keras = load_keras().keras
        base = base_of(self._network)
        name = BASES[self._config.base].cam_layer
        if not name:
            return base, None
        layer = base.get_layer(name)
        after = base.layers[base.layers.index(layer) + 1 :]
        return keras.Model(base.inputs, layer.output), after

    def _features(self, faces: Any) -> Any:
        upto, _ = self._looking
        return upto(scaled(faces, scaling_of(self._config)), training=False)

    def _rest(self, features: Any) -> Any:
        """Return what the base gives, from the layer that is looked at."""
        _, after = self._looking
        for layer in after or ():
            features = layer(features, training=False)
        return features

    def _logit(self, features: Any) -> Any:
        """Return the output before its sigmoid, from what the base gives."""
        hidden, fake = (self._network.get_layer(name) for name in HEAD_LAYERS)
        flat = hidden(self._network.get_layer("flatten")(features))
        return load_keras().tf.matmul(flat, fake.kernel) + fake.bias


def enlarged(coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a map over a face from a coarse one, (320, 320)."""
    from PIL import Image

    image = Image.fromarray(np.asarray(coarse, np.float32))
    size = (FACE_SIDE, FACE_SIDE)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)
