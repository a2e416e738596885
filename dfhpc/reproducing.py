"""Settings back to what a user would type: options, or a recipe."""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from dfhpc.config import Settings

_BARE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
"""A string that ``--set`` takes as it is."""

_NO_STRINGS = ("true", "false", "inf", "nan")


def changed_settings(settings: Settings) -> dict[str, Any]:
    """Return by dotted key what is not as by default, as JSON values.

    Without the data's path, which has an option of its own, and without [cluster],
    which changes no result.

    >>> changed_settings(Settings.model_validate({"extract": {"stride": 15}}))
    {'extract.stride': 15}
    """
    values = settings.model_dump(mode="json", exclude={"cluster": True})
    defaults = Settings().model_dump(mode="json", exclude={"cluster": True})
    named = settings.train.named
    defaults["train"]["named"] = {
        # Which kind it is has no default.
        name: type(config)().model_dump(mode="json", exclude={"kind"})
        for name, config in named.items()
        if isinstance(config, BaseModel)
    }
    known = dict(_flat(defaults))
    changed = {
        key: value
        for key, value in _flat(values)
        if value is not None and known.get(key) != value and key != "data.path"
    }
    if settings.extract.policy == "per_second":
        # It asks for this one to be said, even as it is by default.
        slots = settings.extract.frames_per_video
        changed.setdefault("extract.frames_per_video", slots)
    return changed


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def toml_value(value: Any) -> str:
    """Return a JSON value, None excluded, as TOML.

    >>> toml_value(["a", 1, True, 0.5])
    '["a", 1, true, 0.5]'
    """
    # JSON's strings, numbers and lists are TOML's too, but for DEL and surrogates.
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def option_value(value: Any) -> str:
    """Return a value as ``--set KEY=VALUE`` takes it.

    >>> option_value("random_rows"), option_value("true"), option_value(0.25)
    ('random_rows', '"true"', '0.25')
    """
    if isinstance(value, str) and _BARE.fullmatch(value) and value not in _NO_STRINGS:
        return value
    return toml_value(value)


def as_recipe(changed: dict[str, Any], data_path: str) -> str:
    """Return a recipe that gives these settings.

    >>> print(as_recipe({"split.seed": 1}, "/videos"), end="")
    [data]
    path = "/videos"
    <BLANKLINE>
    [split]
    seed = 1
    """
    tables: dict[str, dict[str, Any]] = {"data": {"path": data_path}}
    for key, value in changed.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(table, {})[name] = value
    blocks = [
        f"[{table}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in own.items())
        for table, own in tables.items()
    ]
    return "\n".join(blocks)
