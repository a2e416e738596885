"""The settings that a doctor is asked about; unlike a run's, they need no data."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dfhpc.cluster.user_defaults import with_user_defaults
from dfhpc.config import Settings
from dfhpc.pipeline import on_cluster
from dfhpc.recipes import load_recipe, parse_override, parse_settings, with_overrides
from dfhpc.runs import RunDirectory
from dfhpc.stages.scan import load_settings


def doctor_settings(
    recipe: Path | None,
    folder: Path,
    cluster: str | None,
    assignments: Iterable[str],
) -> Settings:
    """Return defaults, then those of the recipe or of a run begun there, then options.

    Raises
    ------
    ConfigError
        For an unknown key or a wrong value.
    """
    run = RunDirectory(folder.absolute())
    raw: dict[str, Any] = {}
    source = "the command line"
    if recipe is not None:
        raw, source = load_recipe(recipe), f"{recipe} and the options given"
    elif run.config_path.exists():
        raw, source = load_settings(run).to_json(), str(run.config_path)
    overrides = on_cluster(cluster, None) | dict(map(parse_override, assignments))
    settings = parse_settings(with_overrides(raw, overrides), source)
    update = {"cluster": with_user_defaults(settings.cluster)}
    return settings.model_copy(update=update)
