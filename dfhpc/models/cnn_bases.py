"""The networks of keras.applications that a CNN may stand on, and their facts."""

from dataclasses import dataclass, field

from dfhpc.model_configs import CnnBase

_KERAS_FILES = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclass(frozen=True)
class Scaling:
    """From a pixel of 0 to 255 to what a network takes, a channel each."""

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    is_bgr: bool = False
    """Whether the channels are turned around first."""


CAFFE = Scaling((1.0, 1.0, 1.0), (-103.939, -116.779, -123.68), is_bgr=True)
"""Mean of ImageNet's pixels taken away: VGG16 and ResNet50."""

SIGNED = Scaling((1 / 127.5,) * 3, (-1.0,) * 3)
"""-1 to 1: Xception and MobileNetV3."""

STANDARD = Scaling(
    (1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)),
    (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
)
"""ImageNet's mean and deviation: EfficientNetV2-B0."""

UNIT = Scaling((1 / 255,) * 3, (0.0,) * 3)
"""0 to 1, as work A had it for VGG16."""


@dataclass(frozen=True)
class WeightsFile:
    """Keras's file of ImageNet weights without the top layers."""

    folder: str
    name: str
    md5: str

    @property
    def url(self) -> str:
        """Where Keras fetches it."""
        return f"{_KERAS_FILES}{self.folder}/{self.name}"


@dataclass(frozen=True)
class Base:
    """One network of keras.applications, without its top layers."""

    application: str
    """Its name there."""
    scaling: Scaling
    """What it was trained with."""
    weights: WeightsFile
    cam_layer: str
    """The last layer of features, which Grad-CAM looks at; empty: what it gives."""
    parameters: int
    features: int
    """Values that it gives for a face of 150 x 150."""
    row_bytes: int
    """Memory of training it on one face of 150 x 150 more in a batch, measured."""
    options: dict[str, bool] = field(default_factory=dict)
    """Scaling is ours, so that it is the same with any weights."""


_OWN_SCALING = {"include_preprocessing": False}

BASES: dict[CnnBase, Base] = {
    "vgg16": Base(
        "VGG16",
        CAFFE,
        WeightsFile(
            "vgg16",
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "6d6bbae143d832006294945121d1f1fc",
        ),
        "block5_conv3",
        parameters=14_714_688,
        features=8_192,
        row_bytes=45_000_000,
    ),
    "xception": Base(
        "Xception",
        SIGNED,
        WeightsFile(
            "xception",
            "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "b0042744bf5b25fce3cb969f33bebb97",
        ),
        "",
        parameters=20_861_480,
        features=51_200,
        row_bytes=110_000_000,
    ),
    "efficientnet_v2_b0": Base(
        "EfficientNetV2B0",
        STANDARD,
        WeightsFile(
            "efficientnet_v2",
            "efficientnetv2-b0_notop.h5",
            "893217f2bb855e2983157299931e43ff",
        ),
        "",
        parameters=5_919_312,
        features=32_000,
        row_bytes=60_000_000,
        options=_OWN_SCALING,
    ),
    "resnet50": Base(
        "ResNet50",
        CAFFE,
        WeightsFile(
            "resnet",
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "4d473c1dd8becc155b73f8504c6f6626",
        ),
        "",
        parameters=23_587_712,
        features=51_200,
        row_bytes=110_000_000,
    ),
    "mobilenet_v3_small": Base(
        "MobileNetV3Small",
        SIGNED,
        WeightsFile(
            "mobilenet_v3",
            "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
            "d3e8ec802a04aa4fc771ee12a9a9b836",
        ),
        "",
        parameters=939_120,
        features=14_400,
        row_bytes=22_000_000,
        options=_OWN_SCALING,
    ),
    "mobilenet_v3_large": Base(
        "MobileNetV3Large",
        SIGNED,
        WeightsFile(
            "mobilenet_v3",
            "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
        "",
        parameters=2_996_352,
        features=24_000,
        row_bytes=40_000_000,
        options=_OWN_SCALING,
    ),
}
