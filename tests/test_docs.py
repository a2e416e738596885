"""The documents name only what there is: pages, commands, options, files, keys."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import click
import pydantic
import pytest

from dfhpc.cli import cli
from dfhpc.config import Settings
from dfhpc.model_configs import CnnConfig, ModelConfig

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TEXTS = [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]

pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
texts = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)

LINK = re.compile(r"\]\(([^)\s]+)\)")
JOB_FILE = re.compile(r"\b(?:jobs|slurm|lsf)/[\w.]+\.(?:toml|sh|sbatch|bsub)\b")
SETTING = re.compile(r"--set\s+[\"']?([\w.]+)=")
OWN_FILES = {"jobs/env.local.sh"}
"""Written by users."""


def prose_of(path):
    """Return a document without its blocks of code."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("    "))


def slugs_of(path):
    """Return the anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose_of(path), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in kept}


def commands_of(path, start):
    """Return the words of each command after ``start``, in blocks or backticks."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = [line for line in text.splitlines() if line.startswith("    ")]
    spans = re.findall(r"`([^`]+)`", prose_of(path))
    found = []
    for line in [*blocks, *spans]:
        line = " ".join(line.split())
        match = re.search(rf"(?<![\w./]){start}(?=[a-z])", line)
        if match:
            rest = re.split(r"\s#\s|[;|]", line[match.end() :])[0]
            found.append(shlex.split(rest))
    return found


def tables_of(path):
    """Yield the cells of each row of a table, between backticks, by column."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            yield [re.findall(r"`([^`]+)`", cell) for cell in cells]


def has_key(dotted):
    """Whether a dotted key is one of a recipe; NAME and own names stand for models."""
    table = Settings
    first, *rest = dotted.split(".")
    if first not in table.model_fields:
        return False
    table = table.model_fields[first].annotation
    if first == "train" and rest and (rest[0] in ("NAME", "named")):
        last = rest[-1]
        return len(rest) < 3 - (rest[0] == "NAME") or any(
            last in kind.model_fields for kind in model_configs()
        )
    for name in rest:
        if not issubclass(table, pydantic.BaseModel) or name not in table.model_fields:
            return False
        annotation = table.model_fields[name].annotation
        table = annotation if isinstance(annotation, type) else object
    return True


def model_configs():
    return ModelConfig.__args__


@texts
def test_links_lead_somewhere(path):
    for link in LINK.findall(prose_of(path)):
        if re.match("[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{path.name}: {link}"
        if anchor:
            assert anchor in slugs_of(target), f"{path.name}: {link}"


@pages
def test_commands_and_options_are_known(path):
    for name, *words in commands_of(path, "dfhpc "):
        command = cli.commands.get(name)
        assert command is not None, f"{path.name}: dfhpc {name}"
        check_options(path, name, command, words)


@pages
def test_benchmarks_and_their_options_are_known(path):
    for name, *words in commands_of(path, "benchmarks[.]"):
        command = importlib.import_module(f"benchmarks.{name}").main
        check_options(path, name, command, words)


def check_options(path, name, command, words):
    assert isinstance(command, click.Command)
    known = {option for param in command.params for option in param.opts}
    known |= {"-h", "--help"}
    for word in words:
        if re.fullmatch("--?[a-z].*", word):
            option = word.partition("=")[0]
            assert option in known, f"{path.name}: {name} {option}"


@texts
def test_job_files_are_there(path):
    for name in set(JOB_FILE.findall(path.read_text(encoding="utf-8"))) - OWN_FILES:
        assert (ROOT / name).is_file(), f"{path.name}: {name}"


@texts
def test_settings_on_the_command_line_are_known(path):
    for key in SETTING.findall(path.read_text(encoding="utf-8")):
        assert key == "KEY" or has_key(key), f"{path.name}: --set {key}"


@pages
def test_keys_in_tables_are_known(path):
    table = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"#+ `\[([\w.]+)\]`", line)
        if heading or line.startswith("#"):
            table = heading[1] if heading else ""
        if not line.startswith("|"):
            continue
        prefix = table
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]):
            if re.fullmatch(r"[a-z]+(\.[A-Za-z_]+)+", name):
                if name.split(".")[0] in Settings.model_fields:
                    prefix = name.rpartition(".")[0]
                    assert has_key(name), f"{path.name}: {name}"
            elif prefix and re.fullmatch("[A-Za-z_]+", name):
                assert has_key(f"{prefix}.{name}"), f"{path.name}: {prefix}.{name}"


@pytest.mark.parametrize("table", ["data", "extract", "split", "search", "verdict"])
def test_every_key_is_documented(table):
    rows = [*tables_of(DOCS / "recipes.md"), *tables_of(DOCS / "verdicts.md")]
    known = {name.rpartition(".")[2] for row in rows for name in row[0]}
    fields = Settings.model_fields[table].annotation.model_fields
    assert not set(fields) - known


@pytest.mark.parametrize("kind", model_configs(), ids=lambda kind: kind.__name__)
def test_every_setting_of_a_model_is_documented(kind):
    start = f"train.{kind.model_fields['kind'].default}."
    rows = [names for names, *_ in tables_of(DOCS / "recipes.md")]
    own = [names for names in rows if names and names[0].startswith(start)]
    known = {name.removeprefix(start) for names in own for name in names}
    assert set(kind.model_fields) - known == {"kind", "features"} - (
        {"features"} if kind is CnnConfig else set()
    )


def test_every_key_of_the_cluster_is_documented():
    text = (DOCS / "clusters.md").read_text(encoding="utf-8")
    section = text.partition("## `[cluster]`")[2]
    known = set(re.findall(r"`(\w+)`", section))
    fields = set(Settings.model_fields["cluster"].annotation.model_fields)
    assert fields - known == {"address"}


def test_every_command_is_in_the_guide():
    said = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    for name in cli.commands:
        assert f"dfhpc {name}" in said or f"`{name}`" in said, name


def test_layers_of_the_architecture_are_those_that_are_checked():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = config["tool"]["importlinter"]["contracts"][0]
    layers = [[name.strip() for name in line.split("|")] for line in contract["layers"]]
    first_cells = [
        row[0] for row in tables_of(ROOT / "ARCHITECTURE.md") if row and row[0]
    ]
    places = {
        name.rstrip("/").removesuffix(".py"): number
        for number, names in enumerate(first_cells)
        for name in names
    }
    missing = [name for layer in layers for name in layer if name not in places]
    assert not missing
    numbers = [{places[name] for name in layer} for layer in layers]
    assert all(len(found) == 1 for found in numbers)
    flat = [number for found in numbers for number in found]
    assert flat == sorted(flat)


@texts
def test_nothing_of_where_it_was_written_is_left(path):
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"/work/|/tmp/|/home/", text)
