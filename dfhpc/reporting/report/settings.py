"""How to have this run again: commands, settings, versions."""

import json
import shlex

from dfhpc.reporting.report.blocks import (
    Block,
    Code,
    Folded,
    Section,
    Table,
    Text,
)
from dfhpc.reporting.report.facts import Facts

FEW_OPTIONS = 12
"""A command with more is no longer read; then the recipe comes first."""


def settings(facts: Facts) -> Section:
    """Return commands, recipe, versions, and all settings."""
    blocks: list[Block] = []
    few = len(facts.changed) <= FEW_OPTIONS
    command = Code("Command", reproduce(facts))
    recipe = Code("recipe.toml", facts.recipe)
    with_recipe = Code("Command", "dfhpc run recipe.toml --run-dir runs/again")
    if few:
        blocks += [
            Text("The same results, on any machine and number of workers:"),
            command,
            Folded("The same as a recipe", [with_recipe, recipe]),
        ]
    else:
        blocks += [
            Text(
                "The same results, on any machine and number of workers, with this as "
                "recipe.toml:"
            ),
            with_recipe,
            Folded("recipe.toml", [recipe]),
            Folded("The same as one command", [command]),
        ]
    if facts.manifest is not None:
        blocks.append(
            Text(
                f"The manifest's hash is `{facts.manifest['hash']}`: with the same "
                "videos under the same names, a new run has the same."
            )
        )
    blocks += [*_versions(facts), *_trained(facts)]
    text = json.dumps(facts.settings, indent=1, ensure_ascii=False)
    blocks.append(Folded("All settings (config.json)", [Code("config.json", text)]))
    return Section("settings", "Versions, settings, and how to repeat it", blocks)


def reproduce(facts: Facts) -> str:
    """Return the command that gives the same results in a new run directory."""
    data = shlex.quote(str(facts.settings["data"]["path"]))
    parts = [f"dfhpc run --data {data} --run-dir runs/again"]
    parts += [
        f"  --set {shlex.quote(f'{key}={value}')}" for key, value in facts.changed
    ]
    return " \\\n".join(parts)


def _versions(facts: Facts) -> list[Block]:
    versions = {
        name: version
        for card in facts.cards.values()
        for name, version in card["versions"].items()
    }
    rows = [(name, str(version)) for name, version in sorted(versions.items())]
    rows.append(("dfhpc, for this report", facts.version))
    return [Table("Versions that made the models", ("library", "version"), rows)]


def _trained(facts: Facts) -> list[Block]:
    if not facts.cards:
        return []
    header = ["model", "split", "real faces", "fake faces", "trained", "settings"]
    rows = []
    for name, card in facts.cards.items():
        leaky = " (LEAKY)" if card["split"]["leaky"] else ""
        history = (
            f"{value:,} {unit}" if isinstance(value, int) else f"{unit} {value}"
            for unit, value in card["history"].items()
            if isinstance(value, int | float | str)
        )
        own = ", ".join(f"{key} = {value}" for key, value in card["model"].items())
        rows.append(
            (
                name,
                f"{card['split']['kind']}{leaky}",
                f"{card['faces']['real']:,}",
                f"{card['faces']['fake']:,}",
                ", ".join(history),
                own,
            )
        )
    table = Table("What each model was trained on", header, rows, frozenset({2, 3}))
    return [Folded("Models and their settings", [table])]
