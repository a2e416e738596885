"""What is installed is said once: conda sites get the packages of pyproject.toml."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def _conda_packages():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    return [m[1] for line in lines if (m := re.fullmatch(r'\s+- "(.+)"', line))]


def test_environment_yml_lists_what_pyproject_lists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    expected = [*project["dependencies"], *(name for extra in extras for name in extra)]
    assert sorted(_conda_packages()) == sorted(expected)


def test_every_package_has_a_range():
    for package in _conda_packages():
        assert re.fullmatch(r"[\w-]+>=[\d.]+,<[\d.]+", package), package


def test_python_is_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (
        f"- python{project['requires-python']}"
        in (ROOT / "environment.yml").read_text()
    )
