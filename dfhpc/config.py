"""The settings of a run, as frozen models; every key has a default."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from dfhpc.cluster_config import ClusterConfig
from dfhpc.constants import FORMAT_VERSION
from dfhpc.grids import candidates, check_grid
from dfhpc.model_configs import (
    KINDS,
    CnnConfig,
    LogisticRegressionConfig,
    ModelConfig,
    PositiveInt,
    RandomForestConfig,
    RidgeConfig,
    Section,
    Seed,
    SgdConfig,
    SvmConfig,
)
from dfhpc.search_config import SearchConfig
from dfhpc.verdict_config import VerdictConfig

SplitKind = Literal["group", "official", "official_strict", "random_rows"]
HonestSplitKind = Literal["group", "official", "official_strict"]
Share = Annotated[float, Field(ge=0, lt=1)]


class DataConfig(Section):
    """Which videos, and where from."""

    path: Path | None = None
    layout: Literal["auto", "ffpp", "dfdc", "celebdf", "folders", "csv", "images"] = (
        "auto"
    )
    compression: Literal["raw", "c0", "c23", "c40"] | None = None
    """FaceForensics++ only: take this compression (raw and c0 are the same)."""
    methods: tuple[str, ...] | None = None
    """FaceForensics++ only: take the fakes of these methods."""
    conversion_dict: Path | None = None
    """FaceForensics++ only: which sequences were cut from one upload."""
    image_groups: tuple[str, ...] = ()
    """Images only: patterns that find in a name which video an image is of."""
    order_seed: Seed = 0
    max_videos: PositiveInt | None = None
    """Take no more videos than this: whole groups, in the seeded order."""

    @model_validator(mode="after")
    def _patterns_are_regular(self) -> Self:
        for pattern in self.image_groups:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"image_groups holds {pattern!r}, no regular expression: {error}"
                ) from None
        return self


class ExtractConfig(Section):
    """How frames and faces are taken from a video."""

    policy: Literal["stride", "per_second", "spread", "keyframes"] = "stride"
    frames_per_video: PositiveInt = 7
    """Row slots of a video: no more frames than this are taken."""
    stride: PositiveInt = 30
    per_second: PositiveFloat | Literal["all"] = 1.0
    detector: Literal["mtcnn", "mtcnn_reference", "haar"] = "mtcnn"
    """``mtcnn_reference`` is the package's own code, slow: the same faces."""
    min_face_size: Annotated[int, Field(ge=20)] | None = None
    """In pixels. Only frames without a confident face are searched for smaller ones.
    Default: 60, or 20 where ``faces`` is ``all``."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where ``mtcnn`` runs; ``cuda`` needs onnxruntime-gpu."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.9
    second_look: bool = True
    """Whether a frame without a face is tried again, mirrored."""
    choose: Literal["largest", "most_confident", "first"] = "largest"
    faces: Literal["one", "all"] = "one"
    """Whether a row is kept for the chosen face of a frame, or for each person's."""
    max_people: PositiveInt = 4
    """With ``faces = "all"``: the people of a video who have rows, at most."""
    crop: Literal["plain", "square"] = "square"
    images: Literal["frames", "crops"] = "frames"
    """What images on disk are: frames to look for faces in, or faces cut already."""
    margin: Annotated[float, Field(ge=0, le=2)] = 0.3
    """Square crops only: share of the box's longer side added to the crop's side."""
    videos_per_partition: PositiveInt | None = None
    max_deaths: PositiveInt = 3
    """A video whose reading killed so many workers is quarantined."""
    time_limit_s: PositiveFloat = 300.0
    """How long a video's decoding may keep a worker waiting."""
    max_pixels: PositiveInt = 40_000_000
    """A video with larger frames is refused; 8K has 35 million."""
    max_duration_s: PositiveFloat = 86_400.0
    max_packets: PositiveInt = 3_000_000
    """A day at 30 frames a second has 2.6 million."""
    max_decoder_bytes: PositiveInt = 2 * 1024**3
    """Memory that decoding may take; 8K takes about one gigabyte."""

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

    @property
    def people_per_video(self) -> int:
        """Groups of row slots of a video, each of ``frames_per_video``."""
        return self.max_people if self.faces == "all" else 1

    @property
    def smallest_face(self) -> int:
        """Side in pixels of the smallest face that is looked for at first."""
        if self.min_face_size is not None:
            return self.min_face_size
        return 60 if self.faces == "one" else 20


class SplitConfig(Section):
    """Which videos train, calibrate and test."""

    kind: SplitKind = "group"
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    calibration_share: Share = 0.1
    seed: Seed = 42
    beside: HonestSplitKind | None = None
    """Every model is trained and evaluated under this split too."""
    files: Path | None = None
    """Folder with train.json, val.json and test.json of FaceForensics++."""

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.test_share + self.calibration_share >= 1:
            raise ValueError(
                f"test_share {self.test_share} and calibration_share "
                f"{self.calibration_share} leave nothing to train on"
            )
        if self.beside == self.kind:
            raise ValueError(
                f"beside = {self.beside!r} is the split's own kind; name another"
            )
        if "official_strict" in (self.kind, self.beside) and self.files is None:
            raise ValueError(
                "official_strict needs files, the folder of FaceForensics++ split files"
            )
        return self


class TrainConfig(Section):
    """Which models, and their settings."""

    models: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "svm",
        "logistic_regression",
        "random_forest",
    )
    """Kinds of models, or names that ``named`` gives."""
    svm: SvmConfig = SvmConfig()
    logistic_regression: LogisticRegressionConfig = LogisticRegressionConfig()
    ridge: RidgeConfig = RidgeConfig()
    random_forest: RandomForestConfig = RandomForestConfig()
    sgd: SgdConfig = SgdConfig()
    cnn: CnnConfig = CnnConfig()
    named: dict[str, Annotated[ModelConfig, Field(discriminator="kind")]] = {}
    """More models, by a name of one's own: one kind may be trained several times."""

    @model_validator(mode="after")
    def _are_known_and_different(self) -> Self:
        if len(set(self.models)) < len(self.models):
            raise ValueError("a model is named twice")
        known = (*KINDS, *self.named)
        for name in self.models:
            if name not in known:
                raise ValueError(f"there is no model {name}; known: {', '.join(known)}")
        for name in self.named:
            if name in KINDS or not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(
                    f"a named model may not be called {name}: use letters, digits and "
                    "_, and none of the kinds' own names"
                )
        return self

    def settings_of(self, name: str) -> ModelConfig:
        """Return the settings of a model by its name."""
        found: ModelConfig = (
            self.named[name] if name in self.named else getattr(self, name)
        )
        return found


@dataclass(frozen=True)
class SplitVariant:
    """The split of a run, or the one beside it."""

    config: SplitConfig
    suffix: str
    """Behind the names of files and models; empty for the run's own split."""


@dataclass(frozen=True)
class Training:
    """One model under one split."""

    model_id: str
    """Its folder: the name, and for the split beside, as svm@group."""
    name: str
    variant: SplitVariant


class Settings(Section):
    """All settings of a run."""

    data: DataConfig = DataConfig()
    extract: ExtractConfig = ExtractConfig()
    split: SplitConfig = SplitConfig()
    search: SearchConfig = SearchConfig()
    train: TrainConfig = TrainConfig()
    verdict: VerdictConfig = VerdictConfig()
    cluster: ClusterConfig = ClusterConfig()

    @model_validator(mode="after")
    def _grids_are_of_models(self) -> Self:
        for name, grid in self.search.grids.items():
            if name not in self.train.models:
                raise ValueError(
                    f"search.grids.{name} is for no model that is trained; "
                    f"train.models is {', '.join(self.train.models)}"
                )
            check_grid(name, self.train.settings_of(name), grid)
        return self

    def candidates(self, name: str) -> list[ModelConfig]:
        """Return the settings to try of a model, the last key varying fastest."""
        grid = self.search.grids.get(name, {})
        return candidates(self.train.settings_of(name), grid)

    def variants(self) -> tuple[SplitVariant, ...]:
        """Return the split of the run, and the one beside it if there is one."""
        own = SplitVariant(self.split, "")
        if self.split.beside is None:
            return (own,)
        update = {"kind": self.split.beside, "beside": None}
        beside = self.split.model_copy(update=update)
        return own, SplitVariant(beside, f"@{beside.kind}")

    def trainings(self) -> tuple[Training, ...]:
        """Return every model to train, split by split."""
        return tuple(
            Training(name + variant.suffix, name, variant)
            for variant in self.variants()
            for name in self.train.models
        )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values, with their format version."""
        return {"format_version": FORMAT_VERSION, **self.model_dump(mode="json")}
