"""Support vector machine: scikit-learn's SVC on a precomputed kernel.

The published work's SVM took 12 hours for kernel values, each a product of two rows
of 307,200; with all of them in the Gram matrix, what is left takes seconds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.constants import ROW_LENGTH
from dfhpc.model_configs import SvmConfig
from dfhpc.models.base import TRAINING_ROWS_NAME, Model, TrainingRows
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.gram import ensure_gram
from dfhpc.models.gram_reader import Gram
from dfhpc.models.kernel_model import KERNEL_NAME, KernelModel
from dfhpc.models.kernels import Kernel, Origin
from dfhpc.models.linear_model import WEIGHTS_NAME, LinearModel
from dfhpc.models.weights import recover_weights
from dfhpc.reporting.pictures import save_weights_picture
from dfhpc.runs import RunDirectory

DUAL_NAME = "dual.npz"
PICTURE_NAME = "weights.png"

CACHE_BYTES = 200 * 2**20
"""libsvm's cache of kernel rows, scikit-learn's default."""

Floats = NDArray[np.float64]


class SvmTrainer:
    """Fits on the Gram matrix; keeps support rows, or weights where it is linear."""

    num_steps = 2
    """The solution, and the model."""

    def __init__(self, model_id: str, config: SvmConfig) -> None:
        """Take the name of the model's folder and the settings."""
        self._model_id = model_id
        self._config = config

    @property
    def _is_linear(self) -> bool:
        return self._config.kernel == "linear"

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return a worker's peak: the kernel matrix, and blocks of another."""
        del shard_bytes
        return PROCESS_BYTES + CACHE_BYTES + 8 * num_rows**2 + 2**28

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Fit, and write what prediction needs."""
        model_dir = run.model_dir(self._model_id)
        rows = TrainingRows.load(model_dir / TRAINING_ROWS_NAME).rows
        gram = ensure_gram(run, pool, rows, standardize=self._config.standardize)
        if not (model_dir / DUAL_NAME).exists():
            key = f"{self._model_id}-solve"
            unit = Unit.fixed(key, solve, gram, model_dir, self._config)
            for _ in run_units(pool, [unit]):
                pass
        advance(1)
        fit = load_arrays(model_dir / DUAL_NAME)
        if self._is_linear:
            weights = Gram(gram).weighting.weight
            model = recover_weights(run, pool, rows, fit, weights, from_mean=True)
            model.save(model_dir / WEIGHTS_NAME)
            save_weights_picture(model_dir / PICTURE_NAME, model.weights)
        else:
            KernelModel.of(run.store_path, gram, rows, fit).save(model_dir)
        advance(1)
        return {"support rows": int(np.count_nonzero(fit["dual"]))}

    def files(self) -> tuple[str, ...]:
        """Return the one file of a trained machine."""
        return (WEIGHTS_NAME if self._is_linear else KERNEL_NAME,)

    def load(self, model_dir: Path) -> Model:
        """Return the trained machine."""
        if self._is_linear:
            return LinearModel.load(model_dir / WEIGHTS_NAME)
        return KernelModel.load(model_dir)


def solve(gram_path: Path, model_dir: Path, config: SvmConfig) -> None:
    """Write the dual coefficient of each training row, and the intercept."""
    training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
    gram = Gram(gram_path)
    gamma = choose_gamma(gram, training, config)
    kernel = Kernel(gram, training.rows, origin_of(config), gamma=gamma).square()
    dual, intercept = fit_kernel(kernel, training, config)
    arrays = {"dual": dual, "intercept": intercept, "gamma": gamma}
    save_arrays(model_dir / DUAL_NAME, arrays)


def origin_of(config: SvmConfig) -> Origin:
    """Return the kernel; near the mean, the numbers of a linear one are smallest."""
    return "rbf" if config.kernel == "rbf" else "mean"


def fit_kernel(
    kernel: Floats, training: TrainingRows, config: SvmConfig
) -> tuple[Floats, float]:
    """Return the dual coefficient of each training row, and the intercept."""
    from sklearn.svm import SVC

    of_class = training.class_weights(balanced=config.balanced)
    machine = SVC(
        kernel="precomputed", C=config.C, tol=config.tolerance, class_weight=of_class
    )
    machine.fit(kernel, training.labels)
    dual = np.zeros(len(training.rows))
    dual[machine.support_] = machine.dual_coef_[0]
    return dual, float(machine.intercept_[0])


def choose_gamma(gram: Gram, training: TrainingRows, config: SvmConfig) -> float:
    """Return gamma as scikit-learn's SVC would, from the variance of all values."""
    if not isinstance(config.gamma, str):
        return config.gamma
    if config.gamma == "auto":
        return 1 / ROW_LENGTH
    if config.standardize:
        # Each column that changes has variance 1, and all have mean 0.
        return 1 / max(1, int(np.count_nonzero(gram.weighting.weight)))
    count = len(training.rows) * ROW_LENGTH
    mean = gram.sums(training.rows).sum() / count
    variance = gram.diagonal(training.rows).sum() / count - mean**2
    return float(1 / (ROW_LENGTH * variance)) if variance > 0 else 1.0
