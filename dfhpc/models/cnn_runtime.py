"""TensorFlow and Keras, imported once a process and told how to behave."""

import contextlib
import functools
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from dfhpc.cluster.blas import own_cores
from dfhpc.errors import ModelError
from dfhpc.faces.quiet import quiet_stderr


@dataclass(frozen=True)
class Runtime:
    """The two libraries, and the GPUs that they may use."""

    tf: Any
    keras: Any
    num_gpus: int
    strategy: Any
    """Keras's own for several GPUs; None for one device."""

    @property
    def num_replicas(self) -> int:
        """Copies of a network that are trained together."""
        return 1 if self.strategy is None else int(self.strategy.num_replicas_in_sync)

    def scope(self) -> AbstractContextManager[Any]:
        """Return the scope that a network is built in."""
        return contextlib.nullcontext() if self.strategy is None else _scope(self)


def _scope(runtime: Runtime) -> AbstractContextManager[Any]:
    scope: AbstractContextManager[Any] = runtime.strategy.scope()
    return scope


@functools.cache
def load_keras() -> Runtime:
    """Import TensorFlow and Keras: quiet, deterministic, on the cores of this worker.

    Raises
    ------
    ModelError
        When Keras stands on another library than TensorFlow in this process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet_stderr():
        import keras
        import tensorflow as tf

        if keras.backend.backend() != "tensorflow":
            raise ModelError(
                f"Keras runs on {keras.backend.backend()} in this process; the CNN "
                "needs TensorFlow."
            )
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        gpus = tf.config.list_physical_devices("GPU")
        _configure(tf, gpus)
        strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else None
    return Runtime(tf, keras, len(gpus), strategy)


@contextlib.contextmanager
def old_arrays() -> Iterator[None]:
    """Let Keras read variables of TensorFlow as NumPy 2 no longer likes it."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            "__array__ implementation doesn't accept a copy",
            DeprecationWarning,
        )
        yield


def _configure(tf: Any, gpus: list[Any]) -> None:
    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(own_cores())
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for gpu in gpus:
            # Several workers of one node may share it.
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        # TensorFlow already runs in this process; its owner chose.
        return
