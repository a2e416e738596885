"""A real batch system for the tests that ask for one."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfhpc.runs import RunDirectory
from tests.cluster.lsf_site import LsfSite
from tests.cluster.nights import Night, write_recipe
from tests.cluster.slurm_site import LONGEST_FOLDER, SlurmSite, missing_programs


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmSite]:
    """Return a running SLURM of three nodes, or skip and say what is missing."""
    if why := missing_programs():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("slurm")
    with contextlib.ExitStack() as stack:
        if len(str(folder / "site")) > LONGEST_FOLDER:
            short = tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")
            folder = Path(stack.enter_context(short))
        site = SlurmSite(folder / "site")
        stack.callback(site.stop)
        site.start()
        yield site


@pytest.fixture
def fresh_slurm(slurm: SlurmSite) -> Iterator[SlurmSite]:
    """Return the same SLURM; what a test leaves stopped, broken or queued is undone."""
    yield slurm
    slurm.restore()


@pytest.fixture(scope="session")
def lsf(slurm: SlurmSite, tmp_path_factory: pytest.TempPathFactory) -> LsfSite:
    """Return a test double of LSF whose jobs run on the SLURM."""
    return LsfSite(tmp_path_factory.mktemp("lsf") / "site", slurm)


@pytest.fixture
def quick_lsf(lsf: LsfSite) -> Iterator[LsfSite]:
    """Return the LSF with minutes of two seconds."""
    lsf.set(seconds_per_minute=2, grace_s=2, terminate_interval_s=0.5, sample_s=0.3)
    yield lsf
    lsf.set(seconds_per_minute=60, grace_s=10, terminate_interval_s=2, sample_s=1)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> RunDirectory:
    """Return a finished run of this machine, which nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    recipe = write_recipe(folder)
    run = RunDirectory(folder / "run")
    words = ("--data", clips, "--run-dir", run.path, "--workers", 2)
    # A process of its own: this one has chosen other kernels for its matrices.
    command = [sys.executable, "-m", "dfhpc", "run", recipe, *words]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return run


@pytest.fixture
def night(fresh_slurm: SlurmSite, tmp_path: Path, clips: Path) -> Night:
    """Return a run that is yet to be submitted."""
    return Night(fresh_slurm, tmp_path, clips)
