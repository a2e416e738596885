"""Recipes: TOML to settings, overrides on top, and what may differ on a resume."""

import tomllib
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel

from dfhpc.config import Settings
from dfhpc.errors import ConfigError, SettingsMismatchError
from dfhpc.model_configs import ModelConfig


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
