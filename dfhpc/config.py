"""The settings of a run, as frozen models; every key has a default."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from dfhpc.constants import FORMAT_VERSION

PositiveInt = Annotated[int, Field(gt=0, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
Share = Annotated[float, Field(ge=0, lt=1)]
ModelName = Literal["sgd", "random_forest"]


class _Section(BaseModel):
    """A frozen table of a recipe that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(_Section):
    """Which videos, and where from."""

    path: Path | None = None
    layout: Literal["auto", "ffpp", "dfdc", "celebdf", "folders", "csv"] = "auto"
    compression: Literal["raw", "c0", "c23", "c40"] | None = None
    """FaceForensics++ only: take this compression (raw and c0 are the same)."""
    methods: tuple[str, ...] | None = None
    """FaceForensics++ only: take the fakes of these methods."""
    conversion_dict: Path | None = None
    """FaceForensics++ only: which sequences were cut from one upload."""
    order_seed: Seed = 0


class ExtractConfig(_Section):
    """How frames and faces are taken from a video."""

    policy: Literal["stride", "per_second", "spread"] = "stride"
    frames_per_video: PositiveInt = 7
    """Row slots of a video: no more frames than this are taken."""
    stride: PositiveInt = 30
    per_second: PositiveFloat | Literal["all"] = 1.0
    detector: Literal["mtcnn", "haar"] = "mtcnn"
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.9
    second_look: bool = True
    """Whether a frame without a face is tried again, mirrored."""
    choose: Literal["largest", "most_confident", "first"] = "largest"
    crop: Literal["plain", "square"] = "square"
    margin: Annotated[float, Field(ge=0, le=2)] = 0.3
    """Square crops only: share of the box's longer side added to the crop's side."""
    videos_per_partition: PositiveInt | None = None
    max_deaths: PositiveInt = 3
    """A video whose reading killed so many workers is quarantined."""

    @model_validator(mode="after")
    def _slots_are_chosen(self) -> Self:
        if (
            self.policy == "per_second"
            and "frames_per_video" not in self.model_fields_set
        ):
            raise ValueError(
                "policy per_second needs frames_per_video too, the most frames that "
                "are taken of a video"
            )
        return self


class SplitConfig(_Section):
    """Which videos train, calibrate and test."""

    kind: Literal["group", "official", "official_strict", "random_rows"] = "group"
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    calibration_share: Share = 0.1
    seed: Seed = 42
    files: Path | None = None
    """Folder with train.json, val.json and test.json of FaceForensics++."""

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.test_share + self.calibration_share >= 1:
            raise ValueError(
                f"test_share {self.test_share} and calibration_share "
                f"{self.calibration_share} leave nothing to train on"
            )
        if self.kind == "official_strict" and self.files is None:
            raise ValueError(
                "official_strict needs files, the folder of FaceForensics++ split files"
            )
        return self


class SgdConfig(_Section):
    """A linear model by stochastic gradient descent."""

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


class RandomForestConfig(_Section):
    """Trees, each on its own columns and its own bootstrap of rows."""

    num_trees: PositiveInt = 100
    columns_per_tree: PositiveInt = 8192
    max_features: PositiveInt = 554
    """Columns tried at a node; 554 is the square root of 307,200."""
    balanced: bool = True
    """Whether both classes weigh the same, however many faces each has."""
    min_rows_leaf: PositiveInt = 1
    max_depth: PositiveInt | None = None
    trees_per_task: PositiveInt | None = None
    seed: Seed = 42


class TrainConfig(_Section):
    """Which models, and their settings."""

    models: Annotated[tuple[ModelName, ...], Field(min_length=1)] = (
        "sgd",
        "random_forest",
    )
    sgd: SgdConfig = SgdConfig()

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if len(set(self.models)) < len(self.models):
            raise ValueError("a model is named twice")
        return self

    random_forest: RandomForestConfig = RandomForestConfig()


class ClusterConfig(_Section):
    """Where the work is done; never changes a result, so a resume may change it."""

    kind: Literal["local"] = "local"
    workers: Annotated[int, Field(ge=0)] | None = None
    """Worker processes; 0 works in the driver itself; default: one a core."""
    memory_limit: pydantic.ByteSize | None = None
    """Memory of one worker, as "4GB" or "2GiB"; default: its share of the machine."""
    dashboard_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0 takes any free port."""


class Settings(_Section):
    """All settings of a run."""

    data: DataConfig = DataConfig()
    extract: ExtractConfig = ExtractConfig()
    split: SplitConfig = SplitConfig()
    train: TrainConfig = TrainConfig()
    cluster: ClusterConfig = ClusterConfig()

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values, with their format version."""
        return {"format_version": FORMAT_VERSION, **self.model_dump(mode="json")}
