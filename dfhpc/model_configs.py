"""The settings of each kind of model."""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    model_validator,
)

PositiveInt = Annotated[int, Field(gt=0, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
ModelKind = Literal[
    "svm", "logistic_regression", "ridge", "random_forest", "sgd", "cnn"
]
KINDS: tuple[ModelKind, ...] = get_args(ModelKind)
FeatureKind = Literal["pixels", "spectrum", "residual"]

PIXEL_ROOT = 554
"""The square root of the 307,200 columns of a row of pixels."""


class Section(BaseModel):
    """A frozen table of a recipe that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OnRowsConfig(Section):
    """What every model has that learns from rows of pixels or of another kind."""

    features: FeatureKind = "pixels"
    """What a row holds: the face's pixels, the power spectrum of the gray face by
    spatial frequency, or that of the noise left by a high-pass filter."""
    of_pixels: ClassVar[tuple[str, ...]] = ()
    """Settings that mean something for pixels alone."""

    @model_validator(mode="after")
    def _mean_something(self) -> Self:
        for name in self.of_pixels if self.features != "pixels" else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} means something for pixels alone; leave it out with "
                    f"features = {self.features!r}"
                )
        return self


class SgdConfig(OnRowsConfig):
    """A linear model by stochastic gradient descent, for any number of faces."""

    of_pixels = ("batch_rows", "buffer_partitions", "checkpoint_s")

    kind: Literal["sgd"] = "sgd"
    loss: Literal["logistic", "hinge"] = "logistic"
    alpha: PositiveFloat = 1e-3
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""
    epochs: PositiveInt = 10
    batch_rows: PositiveInt = 128
    buffer_partitions: PositiveInt = 4
    """Partitions whose rows are shuffled together."""
    checkpoint_s: Annotated[float, Field(ge=0)] = 60.0
    seed: Seed = 0


class RandomForestConfig(OnRowsConfig):
    """Trees, each on its own columns and its own bootstrap of rows."""

    of_pixels = ("columns_per_tree", "trees_per_task")

    kind: Literal["random_forest"] = "random_forest"
    num_trees: PositiveInt = 100
    columns_per_tree: PositiveInt = 8192
    max_features: PositiveInt = PIXEL_ROOT
    """Columns tried at a node; 554 is the square root of 307,200, and on features
    it stands for the square root of their number."""
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""
    min_rows_leaf: PositiveInt = 1
    max_depth: PositiveInt | None = None
    trees_per_task: PositiveInt | None = None
    seed: Seed = 42


class SvmConfig(OnRowsConfig):
    """A support vector machine on the Gram matrix: scikit-learn's SVC."""

    kind: Literal["svm"] = "svm"
    kernel: Literal["rbf", "linear"] = "rbf"
    C: PositiveFloat = 1.0
    gamma: Literal["scale", "auto"] | PositiveFloat = "scale"
    """Of the rbf kernel; scale is 1 / (columns * variance), auto is 1 / columns."""
    standardize: bool = True
    """Whether each column is scaled to mean 0 and variance 1 over training rows."""
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""
    tolerance: PositiveFloat = 1e-3


class LogisticRegressionConfig(OnRowsConfig):
    """Logistic regression on the Gram matrix, with scikit-learn's L2 objective."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    C: PositiveFloat = 1.0
    standardize: bool = True
    """Whether each column is scaled to mean 0 and variance 1 over training rows."""
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""
    penalize_intercept: bool = False
    """Whether the intercept is penalized as a weight is, as liblinear does."""
    tolerance: PositiveFloat = 1e-6
    """Largest error of a dual coefficient, relative to the largest of them."""
    max_iterations: PositiveInt = 100


class RidgeConfig(OnRowsConfig):
    """Least squares on labels of -1 and 1, with scikit-learn's L2 objective."""

    kind: Literal["ridge"] = "ridge"
    alpha: PositiveFloat = 1.0
    standardize: bool = True
    """Whether each column is scaled to mean 0 and variance 1 over training rows."""
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""


RowsConfig = (
    SvmConfig | LogisticRegressionConfig | RidgeConfig | RandomForestConfig | SgdConfig
)
"""Of models that take rows of any kind."""


CnnBase = Literal[
    "vgg16",
    "xception",
    "efficientnet_v2_b0",
    "resnet50",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
]

LEAST_SIDES: dict[CnnBase, int] = {"xception": 71}
"""Of a face in pixels, where it is not 32: what keras.applications takes."""


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


WeightsPath = Annotated[Path, AfterValidator(_absolute)]


class CnnConfig(Section):
    """A network of keras.applications, a dense layer, and one output: work A's model.

    The defaults are those of work A, but for the scaling of pixels and the balance of
    classes.
    """

    kind: Literal["cnn"] = "cnn"
    base: CnnBase = "vgg16"
    weights: Literal["imagenet", "none"] | WeightsPath = "imagenet"
    """What the base begins with: ``imagenet``, ``none`` (random), or a file of Keras
    weights of the base without its top layers."""
    base_training: Literal["unfrozen", "frozen", "warm_up"] = "unfrozen"
    """Whether the base learns too; with ``warm_up`` it does after the first epochs."""
    scaling: Literal["base", "unit"] = "base"
    """Pixels as the base was trained with, or from 0 to 1 as in work A."""
    side: Annotated[int, Field(ge=32, le=320, strict=True)] = 150
    """Of the picture that the network sees; a face is made smaller."""
    dense_units: PositiveInt = 256
    learning_rate: PositiveFloat = 2e-5
    """Of RMSprop."""
    warm_up_epochs: PositiveInt = 2
    warm_up_learning_rate: PositiveFloat = 1e-3
    """While the base is frozen, with ``warm_up``."""
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""
    augment: bool = True
    """Whether each face is turned, moved and mirrored anew in every epoch."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 40.0
    """Degrees at most, as the shear is."""
    shift: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the side at most, up or down and to a side."""
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.2
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """0.2 is a factor of 0.8 to 1.2, for height and width each."""
    flip: bool = True
    """Whether every other face is mirrored."""
    epochs: PositiveInt = 10
    batch_rows: PositiveInt = 10
    patience: PositiveInt | None = None
    """So many epochs without a smaller loss on the calibration part end the training,
    and the best epoch's weights are kept; default: all epochs, the last one's."""
    buffer_partitions: PositiveInt = 4
    """Partitions whose rows are shuffled together."""
    precision: Literal["auto", "float32"] = "auto"
    """``auto`` mixes float16 in where there is a GPU."""
    checkpoint_s: Annotated[float, Field(ge=0)] = 300.0
    seed: Seed = 0

    @model_validator(mode="after")
    def _side_is_enough(self) -> Self:
        least = LEAST_SIDES.get(self.base, 32)
        if self.side < least:
            raise ValueError(f"{self.base} needs a side of at least {least} pixels")
        return self

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        if self.base_training == "warm_up" and self.warm_up_epochs >= self.epochs:
            raise ValueError(
                f"warm_up_epochs = {self.warm_up_epochs} leaves none of the "
                f"{self.epochs} epochs for the base to learn in; set it lower, or "
                'base_training = "frozen"'
            )
        return self

    @property
    def is_on_features(self) -> bool:
        """Whether the base gives the same for a face in every epoch."""
        return self.base_training == "frozen" and not self.augment


ModelConfig = RowsConfig | CnnConfig
