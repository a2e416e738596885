"""Logistic regression and ridge: solved on the Gram matrix, then given weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfhpc.cluster.blas import own_cores
from dfhpc.cluster.memory import PROCESS_BYTES
from dfhpc.cluster.pool import Unit, WorkPool, run_units
from dfhpc.model_configs import LogisticRegressionConfig, RidgeConfig
from dfhpc.models.base import TRAINING_ROWS_NAME, Model, TrainingRows
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.models.gram import ensure_gram
from dfhpc.models.gram_reader import Gram
from dfhpc.models.kernels import Kernel, Origin
from dfhpc.models.linear_model import WEIGHTS_NAME, LinearModel
from dfhpc.models.sample_space import DualFit, fit_logistic, fit_ridge
from dfhpc.models.weights import WEIGH_BYTES, recover_weights
from dfhpc.reporting.pictures import save_weights_picture
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import Rows
from dfhpc.store.schema import CHUNK_COLUMNS

DUAL_NAME = "dual.npz"
PICTURE_NAME = "weights.png"

Floats = NDArray[np.float64]
LinearConfig = LogisticRegressionConfig | RidgeConfig


class LinearTrainer:
    """Solves for the dual coefficients, then sums the rows up to weights."""

    num_steps = 2
    """The solution, and the weights."""

    def __init__(self, model_id: str, config: LinearConfig) -> None:
        """Take the name of the model's folder and the settings."""
        self._model_id = model_id
        self._config = config

    def project_bytes(self, num_rows: int, shard_bytes: int) -> int:
        """Return a worker's peak: the Gram matrix and its factor."""
        del shard_bytes
        columns = num_rows * CHUNK_COLUMNS + WEIGH_BYTES
        return PROCESS_BYTES + max(2 * 8 * num_rows**2 + 2**26, columns)

    def train(
        self, run: RunDirectory, pool: WorkPool, advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Solve, recover the weights and picture them."""
        model_dir = run.model_dir(self._model_id)
        training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
        config = self._config
        gram_path = ensure_gram(
            run, pool, training.rows, standardize=config.standardize
        )
        if not (model_dir / DUAL_NAME).exists():
            unit = Unit.fixed(
                f"{self._model_id}-solve", solve, gram_path, model_dir, config
            )
            for _ in run_units(pool, [unit]):
                pass
        advance(1)
        fit, gram = load_arrays(model_dir / DUAL_NAME), Gram(gram_path)
        model = recover_weights(
            run,
            pool,
            training.rows,
            fit,
            gram.weighting.weight,
            from_mean=kernel_for(gram, training.rows, config).origin == "mean",
        )
        model.save(model_dir / WEIGHTS_NAME)
        save_weights_picture(model_dir / PICTURE_NAME, model.weights)
        advance(1)
        return {"iterations": int(fit["iterations"])}

    def files(self) -> tuple[str, ...]:
        """Return the one file of a trained linear model."""
        return (WEIGHTS_NAME,)

    def load(self, model_dir: Path) -> Model:
        """Return the trained linear model."""
        return LinearModel.load(model_dir / WEIGHTS_NAME)


def _has_free_intercept(config: LinearConfig) -> bool:
    return isinstance(config, RidgeConfig) or not config.penalize_intercept


def kernel_for(gram: Gram, rows: Rows, config: LinearConfig) -> Kernel:
    """Return the inner products that a model is solved on."""
    free = _has_free_intercept(config)
    # A free intercept takes up any shift, and near the mean the numbers are smaller.
    origin: Origin = "mean" if config.standardize or free else "black"
    return Kernel(gram, rows, origin, with_ones=not free)


def solve(gram_path: Path, model_dir: Path, config: LinearConfig) -> None:
    """Write the dual coefficients and the intercept of a model."""
    training = TrainingRows.load(model_dir / TRAINING_ROWS_NAME)
    kernel = kernel_for(Gram(gram_path), training.rows, config)
    # The other workers have nothing to do meanwhile.
    products = kernel.square()
    fit = fit_products(products, training, config, threads=own_cores())
    intercept = fit.dual.sum() if kernel.with_ones else fit.intercept
    arrays = {
        "dual": fit.dual,
        "intercept": intercept,
        "iterations": fit.iterations,
        "residual": fit.residual,
    }
    save_arrays(model_dir / DUAL_NAME, arrays)


def fit_products(
    products: Floats, training: TrainingRows, config: LinearConfig, *, threads: int
) -> DualFit:
    """Return the fit to the training rows with these inner products."""
    from threadpoolctl import threadpool_limits

    signs = np.where(training.labels == 1, 1.0, -1.0)
    of_class = training.class_weights(balanced=config.balanced)
    weights = np.where(training.labels == 1, of_class[1], of_class[0])
    with threadpool_limits(threads, "blas"):
        if isinstance(config, RidgeConfig):
            return fit_ridge(products, signs, weights, alpha=config.alpha)
        return fit_logistic(
            products,
            signs,
            config.C * weights,
            tolerance=config.tolerance,
            max_iterations=config.max_iterations,
            free_intercept=_has_free_intercept(config),
        )
