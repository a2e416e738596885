import numpy as np
import pytest

from dfhpc.model_configs import CnnConfig
from dfhpc.models.cnn_network import build_base
from dfhpc.models.cnn_runtime import load_keras, old_arrays
from tests.models.contract import ModelContract, faces

__all__ = ["faces"]

FROZEN = CnnConfig(
    base="vgg16",
    base_training="frozen",
    augment=False,
    scaling="unit",
    side=32,
    dense_units=16,
    learning_rate=3e-3,
    epochs=3,
    batch_rows=32,
    buffer_partitions=3,
    checkpoint_s=0,
)


@pytest.fixture(scope="session")
def base_weights(tmp_path_factory):
    """Return a file of random weights of VGG16 that make features of about one.

    Those that Keras draws make them smaller layer by layer, to almost nothing.
    """
    load_keras().keras.utils.set_random_seed(1)
    base = build_base(FROZEN)
    base.set_weights([1.9 * np.asarray(v.numpy()) for v in base.variables])
    path = tmp_path_factory.mktemp("weights") / "base.weights.h5"
    with old_arrays():
        base.save_weights(path)
    return path


class TestFrozen(ModelContract):
    name = "cnn"
    config = FROZEN

    @pytest.fixture(autouse=True)
    def _begin_with(self, base_weights):
        self.config = FROZEN.model_copy(update={"weights": base_weights})
