import stat
import subprocess
import sys

import pytest

from dfhpc.cluster.identity import driver_name, job_prefix, run_id, worker_prefix
from dfhpc.cluster.launch import Launch
from dfhpc.cluster.tls import make_security
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError
from dfhpc.runs import RunDirectory

CONFIG = {"kind": "slurm", "walltime": "1h", "memory_limit": "2GiB", "cores": 2}


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "a run")


def test_a_run_keeps_its_id_and_a_copy_gets_another(run, tmp_path):
    name = run_id(run)
    assert len(name) == 8
    assert run_id(run) == name
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", run.path, copy], check=True)
    assert run_id(RunDirectory(copy)) != name
    run.path.rename(tmp_path / "moved")
    assert run_id(RunDirectory(tmp_path / "moved")) == name


def test_names_of_jobs(run):
    assert driver_name(run) == f"{job_prefix(run)}driver"
    assert worker_prefix(run) == f"{job_prefix(run)}w"
    assert not driver_name(run).startswith(worker_prefix(run))


def test_the_script_of_a_worker(run):
    config = ClusterConfig(**CONFIG, setup=("module load cuda",))
    script = Launch(run, config).submission("w1", "python -m x").script
    assert script.endswith(
        "\nmodule load cuda\nexport DFHPC_CORES=2\nexec python -m x\n"
    )
    # 2 GiB for the worker, and its nanny beside it.
    assert "#SBATCH --mem=2560M\n" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False)


def test_a_worker_ends_before_its_job(run):
    arguments = Launch(run, ClusterConfig(**CONFIG)).worker_arguments(None)
    assert arguments[:4] == ["--lifetime", "3240s", "--lifetime-stagger", "180s"]
    long = ClusterConfig(**CONFIG | {"worker_walltime": "24h"})
    assert Launch(run, long).worker_arguments(None)[1] == "85800s"


def test_keys_are_for_their_owner_alone(run):
    security = make_security(run)
    folder = run.cluster_dir / "tls"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert security.require_encryption
    first = (folder / "key.pem").read_text()
    make_security(run)
    assert (folder / "key.pem").read_text() != first


def test_a_path_with_blanks_reaches_the_worker_whole(run):
    arguments = Launch(run, ClusterConfig(**CONFIG)).worker_arguments(
        make_security(run)
    )
    command = f"{sys.executable} -c 'import sys; print(len(sys.argv))' "
    done = subprocess.run(
        ["bash", "-c", command + " ".join(arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == len(arguments) + 1
    assert "--tls-key" in arguments


def test_an_excluded_node_is_in_every_later_script(run):
    launch = Launch(run, ClusterConfig(**CONFIG))
    launch.exclude("n3")
    launch.exclude("n1")
    assert "#SBATCH --exclude=n3,n1\n" in launch.submission("w1", "x").script


def test_workers_in_a_job_need_a_job(run, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("LSB_JOBID", raising=False)
    with pytest.raises(BatchError, match="inside a batch job, and this is none"):
        Launch(run, ClusterConfig(**CONFIG, workers_in_job=True))


def test_workers_in_a_job_need_room(run, monkeypatch):
    monkeypatch.setenv("LSB_JOBID", "7")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("LSB_MCPU_HOSTS", "a 1")
    config = ClusterConfig(kind="lsf", workers_in_job=True)
    with pytest.raises(BatchError, match="Job 7 has room for its driver alone"):
        Launch(run, config)
    monkeypatch.setenv("LSB_MCPU_HOSTS", "a 4 b 4")
    launch = Launch(run, config)
    # Four parts, each of the two cores that a driver has by default.
    assert (launch.num_workers, launch.are_jobs) == (3, False)
    launch.exclude("b")
    assert launch.num_workers == 1
    assert not launch.readmit()


def test_the_excluded_are_readmitted_but_not_those_of_the_recipe(run):
    launch = Launch(run, ClusterConfig(**CONFIG, exclude_nodes=("n1",)))
    assert not launch.readmit()
    launch.exclude("n3")
    assert launch.readmit()
    assert launch.config.exclude_nodes == ("n1",)


def test_no_jobs_are_too_few(run):
    with pytest.raises(ValueError, match="jobs are at least 1"):
        ClusterConfig(kind="slurm", workers=0)


def test_the_scheduler_listens_where_the_recipe_says(run):
    config = ClusterConfig(**CONFIG, interface="ib0", scheduler_port=7000)
    assert Launch(run, config).scheduler_options() == {
        "port": 7000,
        "dashboard_address": ":0",
        "interface": "ib0",
    }
