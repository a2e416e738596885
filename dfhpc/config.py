"""The settings of a run: one TOML recipe, parsed once into frozen models."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from dfhpc.constants import FORMAT_VERSION
from dfhpc.errors import ConfigError, SettingsMismatchError

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


def load_recipe(path: Path) -> dict[str, Any]:
    """Return the raw tables of a TOML recipe.

    Raises
    ------
    ConfigError
        When the file is absent or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"Recipe {path} does not exist.") from None
    except IsADirectoryError:
        raise ConfigError(
            f"{path} is a folder and no recipe; name a folder of videos with --data."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"Recipe {path} is not readable TOML: {error}.") from error


def parse_settings(raw: dict[str, Any], source: str) -> Settings:
    """Return ``raw`` as settings; ``source`` names its origin in errors.

    Raises
    ------
    ConfigError
        For an unknown key or a wrong value; one sentence names source, key and
        known keys or the limit.
    """
    try:
        return Settings.model_validate(
            {key: value for key, value in raw.items() if key != "format_version"}
        )
    except pydantic.ValidationError as error:
        raise ConfigError(_explain(error, source)) from None


def _explain(error: pydantic.ValidationError, source: str) -> str:
    """Turn pydantic's list of errors into one sentence about the first."""
    first = error.errors()[0]
    location = _known_part([str(part) for part in first["loc"]])
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(_table(location[:-1]).model_fields))
        place = f"[{'.'.join(location[:-1])}]" if location[:-1] else "the recipe"
        return f"{source}: unknown key {key}; {place} knows {known}."
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if isinstance(first["input"], BaseModel | dict):
        return f"{source}: [{key}] is wrong: {message}."
    return f"{source}: {key} = {first['input']!r} is wrong: {message}."


def _known_part(location: list[str]) -> list[str]:
    """Return ``location`` without what pydantic adds to it for unions and lists.

    >>> _known_part(["extract", "per_second", "constrained-float"])
    ['extract', 'per_second']
    """
    for depth in range(len(location)):
        fields = _table(location[:depth]).model_fields
        if location[depth] in fields and depth + 1 < len(location):
            annotation = fields[location[depth]].annotation
            if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
                return location[: depth + 1]
    return location


def _table(location: list[str]) -> type[BaseModel]:
    """Return the model of the table at ``location``."""
    model: type[BaseModel] = Settings
    for part in location:
        annotation = model.model_fields[part].annotation
        if not isinstance(annotation, type):
            break
        model = annotation
    return model


def with_overrides(raw: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Return ``raw`` with dotted keys replaced.

    >>> with_overrides({"extract": {"stride": 30}}, {"extract.stride": 15})
    {'extract': {'stride': 15}}
    """
    merged = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in raw.items()
    }
    for dotted, value in overrides.items():
        *tables, last = dotted.split(".")
        table = merged
        for name in tables:
            inner = table.get(name)
            table[name] = dict(inner) if isinstance(inner, dict) else {}
            table = table[name]
        table[last] = value
    return merged


def parse_override(text: str) -> tuple[str, Any]:
    """Return the dotted key and the TOML value of ``KEY=VALUE``.

    A value that is no TOML is taken as a string.

    >>> parse_override("extract.stride=15")
    ('extract.stride', 15)
    >>> parse_override("extract.detector=haar")
    ('extract.detector', 'haar')
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text}: write KEY=VALUE, as extract.stride=15.")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def refuse_difference(old: Settings, new: Settings, run_dir: Path) -> None:
    """Refuse to resume a run with settings that would change its results.

    Raises
    ------
    SettingsMismatchError
        Naming every key that differs, outside [cluster].
    """
    before, after = _flatten(old.to_json()), _flatten(new.to_json())
    differing = [
        f"{key} is {before.get(key)!r} there and {after.get(key)!r} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith("cluster.")
    ]
    if differing:
        raise SettingsMismatchError(
            f"{run_dir} was started with other settings: {'; '.join(differing)}. "
            "Use the same settings, or another run directory."
        )


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
