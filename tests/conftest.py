"""What many tests share: real clips where they are, invented ones everywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfhpc.cluster import signals
from dfhpc.config import Settings
from dfhpc.demo.clips import make_data_set
from dfhpc.recipes import parse_settings

# A person in an invented clip is found by the Haar cascade in milliseconds.
QUICK = {
    "extract": {"detector": "haar", "stride": 8, "frames_per_video": 4},
    "train": {
        "models": ["sgd", "random_forest", "svm", "logistic_regression"],
        "sgd": {"epochs": 3, "batch_rows": 16},
        "random_forest": {"num_trees": 6, "columns_per_tree": 512},
    },
    "cluster": {"workers": 0},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of clusters, which share a SLURM, run in one process.

    All others are shared out file by file, so that fixtures are made once a file.
    """
    here = Path(__file__).parent / "cluster"
    for item in items:
        name = "cluster" if here in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real clips, or skip."""
    name = os.environ.get("DFHPC_TEST_DATA", "")
    if not name or not Path(name).is_dir():
        pytest.skip("DFHPC_TEST_DATA does not name the folder of real clips")
    return Path(name)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 8 invented people: 8 real clips, 16 fakes, 4 groups."""
    folder = tmp_path_factory.mktemp("clips")
    make_data_set(folder, num_people=8, num_frames=33)
    return folder


@pytest.fixture
def quick_settings(clips: Path) -> Settings:
    """Return settings that run in seconds, in this process."""
    return parse_settings({**QUICK, "data": {"path": str(clips)}}, "test")


@pytest.fixture(autouse=True)
def _no_stop_requested():
    signals.reset()
    yield
    signals.reset()


@pytest.fixture
def dfhpc():
    """Return a function that runs the command line in a process of its own."""

    def run(*arguments: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dfhpc", *map(str, arguments)]
        options = {"capture_output": True, "text": True, "timeout": 840} | kwargs
        return subprocess.run(command, check=False, **options)

    return run
