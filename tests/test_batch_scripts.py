"""slurm/ and lsf/: the same jobs for two batch systems, and nothing of any one site."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dfhpc.durations import parse_duration
from dfhpc.recipes import load_recipe, parse_settings

ROOT = Path(__file__).parents[1]
SLURM = {path.stem: path for path in (ROOT / "slurm").glob("*.sbatch")}
LSF = {path.stem: path for path in (ROOT / "lsf").glob("*.bsub")}
RECIPES = {path.stem: path for path in (ROOT / "jobs").glob("*.toml")}

LOCAL = {"cnn"}
"""Their workers are on the node of the job, where its GPU is."""

pairs = pytest.mark.parametrize("stem", sorted(SLURM))


def _split(path, prefix):
    """Return directives and the other lines of a script."""
    lines = path.read_text().splitlines()
    directives = [line for line in lines if line.startswith(f"#{prefix} ")]
    rest = [line for line in lines if line not in directives]
    return [line.removeprefix(f"#{prefix} ") for line in directives], rest


def _slurm_options(stem):
    directives, _ = _split(SLURM[stem], "SBATCH")
    return dict(line.removeprefix("--").split("=", 1) for line in directives)


def _lsf_options(stem):
    directives, _ = _split(LSF[stem], "BSUB")
    options = {}
    for line in directives:
        name, value = shlex.split(line)
        options.setdefault(name, []).append(value)
    return options


def test_every_recipe_has_its_pair():
    assert SLURM.keys() == LSF.keys() == RECIPES.keys()
    folders = [*(ROOT / "slurm").iterdir(), *(ROOT / "lsf").iterdir()]
    assert {path.suffix for path in folders} == {".sbatch", ".bsub"}


@pairs
def test_pairs_differ_in_directives_alone(stem):
    assert _split(SLURM[stem], "SBATCH")[1] == _split(LSF[stem], "BSUB")[1]


@pairs
def test_pairs_and_recipe_ask_for_the_same(stem):
    cluster = parse_settings(load_recipe(RECIPES[stem]), stem).cluster
    slurm, lsf = _slurm_options(stem), _lsf_options(stem)
    assert parse_duration(slurm["time"]) == cluster.walltime
    assert parse_duration(lsf["-W"][0]) == cluster.walltime
    assert slurm["cpus-per-task"] == lsf["-n"][0] == str(cluster.driver_cores)
    megabytes = cluster.driver_memory // 2**20
    assert slurm["mem"] == f"{megabytes}M"
    assert lsf["-M"] == [f"{megabytes}MB"]
    assert f"rusage[mem={megabytes}MB]" in lsf["-R"]
    assert slurm["signal"] == f"B:USR2@{cluster.signal_before}"
    assert (lsf["-wa"], lsf["-wt"]) == (["USR2"], [str(cluster.signal_before // 60)])
    assert slurm["job-name"] == lsf["-J"][0] == f"dfhpc-{stem}"


@pairs
def test_a_network_gets_a_gpu_and_nothing_else_does(stem):
    slurm, lsf = _slurm_options(stem), _lsf_options(stem)
    assert (slurm.get("gpus") == "1") == (stem in LOCAL)
    assert (lsf.get("-gpu") == ["num=1"]) == (stem in LOCAL)


@pairs
def test_what_a_job_does(stem):
    text = SLURM[stem].read_text()
    code = [line for line in text.splitlines() if line and line[0] != "#"]
    assert code[0].startswith("cd ")
    assert code[1] == "source jobs/env.sh"
    where = "local" if stem in LOCAL else "auto"
    assert code[2].startswith(f"exec dfhpc run jobs/{stem}.toml --cluster {where}")
    # No path of any site, no account, no queue.
    assert not re.search(r"(?<![\w}.:-])/(?!usr/bin/env|where/)\w+", "\n".join(code))
    for options in (_slurm_options(stem), _lsf_options(stem)):
        assert not {"partition", "account", "qos", "-q", "-P"} & options.keys()


@pytest.mark.parametrize(
    "path", [*SLURM.values(), *LSF.values(), ROOT / "jobs" / "env.sh"], ids=str
)
def test_bash_reads_them(path):
    done = subprocess.run(
        ["bash", "-n", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pairs
def test_without_data_a_job_says_what_to_export(stem, tmp_path):
    program = tmp_path / "bin" / "dfhpc"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = f"{program.parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", LSF[stem]],
        env={"PATH": path, "LS_SUBCWD": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "export DFHPC_DATA, the folder of videos" in done.stderr
