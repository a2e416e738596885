"""Recipes: TOML to settings, overrides on top, and what may differ on a resume."""

import tomllib
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel

from dfhpc.config import Settings, TrainConfig
from dfhpc.errors import ConfigError, SettingsMismatchError
from dfhpc.model_configs import KINDS, ModelConfig


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


def parse_model_config(raw: dict[str, Any], source: str) -> ModelConfig:
    """Return the settings of one model, as its card has them.

    Raises
    ------
    ConfigError
        When they are not those of a model.
    """
    adapter: pydantic.TypeAdapter[ModelConfig] = pydantic.TypeAdapter(ModelConfig)
    try:
        return adapter.validate_python(raw)
    except pydantic.ValidationError as error:
        raise ConfigError(f"{source} does not describe a model: {error}.") from None


def _explain(error: pydantic.ValidationError, source: str) -> str:
    """Turn pydantic's list of errors into one sentence about the first."""
    first = error.errors()[0]
    key, table = _place([str(part) for part in first["loc"]])
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(table.model_fields))
        place = f"[{'.'.join(key[:-1])}]" if key[:-1] else "the recipe"
        return f"{source}: unknown key {'.'.join(key)}; {place} knows {known}."
    if first["type"] == "union_tag_not_found":
        kinds = ", ".join(KINDS)
        return f"{source}: [{'.'.join(key)}] lacks kind; there are {kinds}."
    # A value that may be of several types has an error for each.
    same = [e for e in error.errors() if _place([str(x) for x in e["loc"]])[0] == key]
    message = " or ".join(dict.fromkeys(_message(e["msg"]) for e in same))
    message = message.replace(" or should be ", " or ")
    if not key:
        return f"{source}: {message}."
    if isinstance(first["input"], BaseModel | dict):
        return f"{source}: [{'.'.join(key)}] is wrong: {message}."
    return f"{source}: {'.'.join(key)} = {first['input']!r} is wrong: {message}."


def _message(text: str) -> str:
    """Return what pydantic says, to stand within a sentence."""
    text = text.removeprefix("Value error, ").replace("a valid tuple", "a list")
    text = text.replace("Input should be", "should be")
    return text[:1].lower() + text[1:]


def _place(location: list[str]) -> tuple[list[str], type[BaseModel]]:
    """Return the key that an error is about, and the table that the key is in.

    Pydantic adds to it for unions and lists, and the kind of a named model.

    >>> _place(["extract", "per_second", "constrained-float"])[0]
    ['extract', 'per_second']
    >>> _place(["train", "named", "mild", "svm", "C"])[0]
    ['train', 'named', 'mild', 'C']
    """
    key: list[str] = []
    table: type[BaseModel] = Settings
    rest = list(location)
    while rest:
        part = rest.pop(0)
        key.append(part)
        field = table.model_fields.get(part)
        if field is None or part == "grids":
            return key + (rest[:2] if field else []), table
        if part == "named":
            key += rest[:1]
            if len(rest) < 2:
                return key, table
            table = type(TrainConfig().settings_of(rest[1]))
            rest = rest[2:]
        elif isinstance(field.annotation, type) and issubclass(
            field.annotation, BaseModel
        ):
            table = field.annotation
        else:
            return key, table
    return key, table


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
        Naming every key that differs. Outside [cluster] and [verdict], more models
        may be named, or fewer, and a model not there before may have a grid; a split
        beside may be added.
    """
    before, after = _flatten(old.to_json()), _flatten(new.to_json())
    differing = [
        f"{key} is {before.get(key)!r} there and {after.get(key)!r} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not _may_differ(key, old, new)
    ]
    if differing:
        raise SettingsMismatchError(
            f"{run_dir} was started with other settings: {'; '.join(differing)}. "
            "Use the same settings, or another run directory."
        )


def _may_differ(key: str, old: Settings, new: Settings) -> bool:
    """Whether a setting changes nothing that is done."""
    table, name = [*key.split("."), "", ""][:2], [*key.split("."), "", "", ""][2]
    if table[0] in ("cluster", "verdict") or key == "train.models":
        return True
    if key == "split.beside":
        return old.split.beside is None
    if table[0] == "train" and table[1] in KINDS:
        return table[1] not in old.train.models or table[1] not in new.train.models
    if table == ["train", "named"]:
        return name not in old.train.named or name not in new.train.named
    if table == ["search", "grids"]:
        return name not in old.train.models or name not in new.train.models
    return False


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
