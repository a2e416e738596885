from pathlib import Path

import pytest

from dfhpc.cluster import slurm
from dfhpc.cluster.batch import JobRequest
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError


def request(**changes):
    values = {
        "name": "dfhpc-ab-w1",
        "cores": 2,
        "memory_bytes": 4 * 1024**3 + 1,
        "walltime_s": 90061,
        "output": Path("/runs/x/logs/jobs/w1-%J.out"),
    }
    return JobRequest(**values | changes)


def directives(config=None, **changes):
    return slurm.Slurm(ClusterConfig(**config or {})).directives(request(**changes))


def test_directives_of_a_worker():
    assert directives() == [
        "--job-name=dfhpc-ab-w1",
        "--output=/runs/x/logs/jobs/w1-%j.out",
        "--open-mode=append",
        "--ntasks=1",
        "--cpus-per-task=2",
        "--time=1-01:01:01",
        "--export=ALL",
        "--nodes=1",
        # A byte more than 4 GiB: rounded up, in units of 1024 * 1024.
        "--mem=4097M",
        "--no-requeue",
    ]


def test_a_path_with_blanks_is_quoted():
    lines = directives(output=Path("/my runs/w1-%J.out"))
    assert "--output='/my runs/w1-%j.out'" in lines


def test_what_a_site_asks_for():
    config = {
        "queue": "long",
        "account": "ab12",
        "exclude_nodes": ("n3", "n4"),
        "skip_directives": ("--mem", "--export"),
        "extra_directives": ("--constraint=avx512",),
    }
    lines = directives(config)
    assert lines[-4:] == [
        "--partition=long",
        "--account=ab12",
        "--exclude=n3,n4",
        "--constraint=avx512",
    ]
    assert not any(line.startswith(("--mem", "--export")) for line in lines)


def test_directives_of_a_driver_in_a_chain():
    lines = directives(signal_before_s=600, after="17", may_requeue=True, queue="day")
    assert "--signal=B:USR2@600" in lines
    assert "--dependency=afterany:17" in lines
    assert "--partition=day" in lines
    assert "--no-requeue" not in lines


def test_a_job_of_several_parts_has_memory_a_core():
    lines = directives(tasks=5)
    assert "--ntasks=5" in lines
    assert "--mem-per-cpu=2049M" in lines
    assert not any(line.startswith(("--mem=", "--nodes")) for line in lines)


@pytest.mark.parametrize("printed", ["", "4711x", "Submitted batch job 4711"])
def test_what_is_no_job_id_is_refused(printed):
    with pytest.raises(BatchError, match="no job id"):
        slurm.parse_job_id(printed)


def test_the_queue(monkeypatch):
    lines = (
        "12|RUNNING|n1|None|dfhpc-ab-w1\n"
        "13|PENDING||Resources|dfhpc-ab-w2\n"
        "14|NODE_FAIL|n2|NodeDown|dfhpc-ab-w|3\n"
        "15|RUNNING|n1|None|other\n"
        "16_[1-9]|PENDING||Priority|dfhpc-ab-w9\n"
        "half a line\n"
    )
    monkeypatch.setattr(slurm, "run_command", lambda command: lines)
    jobs = slurm.Slurm(ClusterConfig()).jobs("dfhpc-ab-")
    assert [(j.job_id, j.state, j.node, j.reason) for j in jobs] == [
        ("12", "running", "n1", ""),
        ("13", "pending", None, "Resources"),
        ("14", "ended", "n2", "NodeDown"),
    ]
    assert jobs[2].word == "NODE_FAIL"
    assert jobs[2].name == "dfhpc-ab-w|3"
