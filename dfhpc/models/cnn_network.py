"""The network: scaling, a base, a dense layer, and one output."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn_bases import BASES, UNIT, Scaling
from dfhpc.models.cnn_runtime import Runtime, load_keras
from dfhpc.models.cnn_weights import load_base_weights

HEAD_LAYERS = ("hidden", "fake")


def build_base(config: CnnConfig) -> Any:
    """Return a base with random weights."""
    keras = load_keras().keras
    facts = BASES[config.base]
    application = getattr(keras.applications, facts.application)
    return application(
        include_top=False,
        weights=None,
        input_shape=(config.side, config.side, 3),
        **facts.options,
    )


def base_of(network: Any) -> Any:
    """Return the base that a whole network stands on."""
    keras = load_keras().keras
    return next(part for part in network.layers if isinstance(part, keras.Model))


def scaling_of(config: CnnConfig) -> Scaling:
    """Return from pixels to what the base is given."""
    return UNIT if config.scaling == "unit" else BASES[config.base].scaling


def scaled(inputs: Any, scaling: Scaling) -> Any:
    """Return pixels as a base takes them."""
    keras = load_keras().keras
    if scaling.is_bgr:
        inputs = keras.ops.flip(inputs, axis=-1)
    scale = keras.layers.Rescaling(
        list(scaling.scale), list(scaling.offset), name="scale"
    )
    return scale(inputs)


def _head(config: CnnConfig, features: Any) -> Any:
    keras = load_keras().keras
    hidden, fake = HEAD_LAYERS
    x = keras.layers.Flatten(name="flatten")(features)
    x = keras.layers.Dense(config.dense_units, activation="relu", name=hidden)(x)
    # In float32 whatever the rest is: float16 has no probability below 6e-8.
    return keras.layers.Dense(1, activation="sigmoid", dtype="float32", name=fake)(x)


def build_network(config: CnnConfig) -> Any:
    """Return the whole network with random weights: pixels of 0 to 255 to P(fake)."""
    keras = load_keras().keras
    inputs = keras.Input((config.side, config.side, 3), name="faces")
    base = build_base(config)
    features = base(scaled(inputs, scaling_of(config)))
    return keras.Model(inputs, _head(config, features), name="network")


def build_head(config: CnnConfig, shape: tuple[int, ...]) -> Any:
    """Return the layers above the base, from features of ``shape`` to P(fake)."""
    keras = load_keras().keras
    inputs = keras.Input(shape)
    return keras.Model(inputs, _head(config, inputs))


DRAWN = (
    ("kernel", "kernel_initializer"),
    ("kernel", "depthwise_initializer"),
    ("depthwise_kernel", "depthwise_initializer"),
    ("pointwise_kernel", "pointwise_initializer"),
)
"""Of a layer: weights that begin at random, and what draws them."""


def draw_weights(network: Any, seed: int) -> None:
    """Draw the random weights of a network anew, from ``seed`` alone.

    Keras takes its seeds from Python's own generator, which other threads of a worker
    use at the same moment, whatever it was set to before.
    """
    seeds = np.random.default_rng(seed)
    for layer in _layers_of(network):
        for weights, initializer in DRAWN:
            variable = getattr(layer, weights, None)
            drawer = getattr(layer, initializer, None)
            if variable is None or drawer is None:
                continue
            settings = drawer.get_config() | {"seed": int(seeds.integers(2**31))}
            seeded = type(drawer).from_config(settings)
            variable.assign(seeded(tuple(variable.shape), dtype="float32"))
        chance = getattr(layer, "seed_generator", None)
        if chance is not None:
            chance.state.assign(seeds.integers(2**31, size=2).astype(np.uint32))


def _layers_of(network: Any) -> Iterator[Any]:
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from _layers_of(layer)
        else:
            yield layer


def build_first(config: CnnConfig) -> Any:
    """Return the network as training begins: seeded, with the base's first weights."""
    network = build_network(config)
    draw_weights(network, config.seed)
    load_base_weights(base_of(network), config)
    return network


def is_base_frozen(config: CnnConfig, epoch: int) -> bool:
    """Whether the base learns nothing in an epoch, counted from 0.

    >>> is_base_frozen(CnnConfig(base_training="warm_up", warm_up_epochs=2), 2)
    False
    """
    if config.base_training == "warm_up":
        return epoch < config.warm_up_epochs
    return config.base_training == "frozen"


def learning_rate_of(config: CnnConfig, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0."""
    if config.base_training == "warm_up" and is_base_frozen(config, epoch):
        return config.warm_up_learning_rate
    return config.learning_rate


@functools.lru_cache(maxsize=1)
def compiled_network(
    config: CnnConfig, shape: tuple[int, ...] | None, *, is_frozen: bool
) -> Any:
    """Return a network to train, kept for the next unit: tracing takes seconds.

    ``shape`` is that of features, where the head alone is trained. What the variables
    hold is anybody's: load them.
    """
    runtime = load_keras()
    keras = runtime.keras
    before = keras.config.dtype_policy()
    try:
        if config.precision == "auto" and runtime.num_gpus:
            keras.config.set_dtype_policy("mixed_float16")
        with runtime.scope():
            network = build_head(config, shape) if shape else build_network(config)
            if shape is None:
                base_of(network).trainable = not is_frozen
            _compile(runtime, network, config, is_frozen=is_frozen)
    finally:
        keras.config.set_dtype_policy(before)
    return network


def _compile(
    runtime: Runtime, network: Any, config: CnnConfig, *, is_frozen: bool
) -> None:
    keras = runtime.keras
    rate = learning_rate_of(config, 0 if is_frozen else config.epochs)
    network.compile(
        optimizer=keras.optimizers.RMSprop(rate),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
        # The same arithmetic on every node, and no minutes of compiling.
        jit_compile=False,
    )
    # Its slots must be there before a checkpoint is loaded into them.
    network.optimizer.build(network.trainable_variables)


def make_stopper(is_due: Callable[[], bool]) -> Any:
    """Return a callback of Keras that counts batches and ends a fit when due."""
    keras = load_keras().keras

    class Stopper(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        num_batches = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            del batch, logs
            self.num_batches += 1
            if is_due():
                self.model.stop_training = True

    return Stopper()
