import pytest

from dfhpc.cluster import lsf
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import BatchError
from tests.cluster.test_slurm import request


def directives(config=None, **changes):
    return lsf.Lsf(ClusterConfig(**config or {})).directives(request(**changes))


def test_directives_of_a_worker():
    assert directives() == [
        "-J dfhpc-ab-w1",
        "-o /runs/x/logs/jobs/w1-%J.out",
        "-n 2",
        # A limit, and a reservation, both with their unit.
        "-M 4097MB",
        '-R "rusage[mem=4097MB]"',
        # LSF knows no seconds: rounded up.
        "-W 25:02",
        '-R "span[hosts=1]"',
    ]


def test_a_plain_number_where_lsf_knows_no_units():
    lines = directives({"memory_unit": "KB"})
    assert "-M 4194305" in lines
    assert '-R "rusage[mem=4194305]"' in lines


def test_what_a_site_asks_for():
    config = {
        "queue": "long",
        "account": "a project",
        "exclude_nodes": ("n3", "n4"),
        "skip_directives": ("-M", '-R "rusage'),
        "extra_directives": ('-R "select[avx512]"',),
    }
    lines = directives(config)
    assert lines[-4:] == [
        "-q long",
        "-P 'a project'",
        "-R \"select[hname!='n3' && hname!='n4']\"",
        '-R "select[avx512]"',
    ]
    assert not any("mem" in line or line.startswith("-M") for line in lines)
    assert '-R "span[hosts=1]"' in lines


def test_directives_of_a_driver_in_a_chain():
    lines = directives(signal_before_s=610, after="17")
    assert lines[-3:] == ["-wa USR2", "-wt 11", '-w "ended(17)"']


def test_a_job_of_several_parts_reserves_for_each():
    lines = directives(tasks=3, cores=1, memory_bytes=2**30)
    assert "-n 3" in lines
    assert "-M 3072MB" in lines
    assert '-R "rusage[mem=1024MB/task]"' in lines
    assert not any("span" in line for line in lines)


def test_a_part_of_several_cores_is_one_block_whose_slots_share_its_memory():
    lines = directives(tasks=3, cores=4, memory_bytes=2**30 + 1)
    assert "-n 12" in lines
    # 257 MB for each of four slots.
    assert '-R "rusage[mem=257MB/task]"' in lines
    assert '-R "span[block=4]"' in lines


def test_workers_in_a_job_need_an_lsf_that_reserves_for_each_task():
    old = {"memory_unit": "KB", "workers_in_job": True}
    with pytest.raises(ValueError, match=r"workers_in_job needs LSF 10\.1\.0\.9"):
        ClusterConfig(kind="lsf", **old)
    # SLURM does not care.
    assert ClusterConfig(kind="slurm", **old).workers_in_job


def test_a_script_on_standard_input():
    submission = lsf.Lsf(ClusterConfig()).submission(request(), "exec true")
    assert submission.command == ("bsub",)
    assert submission.script_path is None
    assert "#BSUB -n 2\n" in submission.script
    assert submission.script.endswith("\nexec true\n")


def test_options_on_the_command_line_where_bsub_reads_no_input():
    system = lsf.Lsf(ClusterConfig(use_stdin=False))
    submission = system.submission(request(), "exec true")
    assert submission.command[:3] == ("bsub", "-J", "dfhpc-ab-w1")
    assert "rusage[mem=4097MB]" in submission.command
    assert submission.command[-2:] == ("bash", str(submission.script_path))


@pytest.mark.parametrize("printed", ["", "Job 47 was submitted", "<47>", "Job <x> is"])
def test_what_is_no_job_id_is_refused(printed):
    with pytest.raises(BatchError, match="no job id"):
        lsf.parse_job_id(printed)


def test_the_line_of_a_submission_among_others():
    text = "Cost: <5> credits\nJob <47> is submitted to queue <normal>.\n"
    assert lsf.parse_job_id(text) == "47"


def test_the_queue(monkeypatch):
    lines = (
        "12|RUN|n1|-|-|dfhpc-ab-w1\n"
        "13|PEND|-|-|Job dependency condition not satisfied;|dfhpc-ab-w2\n"
        "14|EXIT|8*n069:2*n070|TERM_MEMLIMIT: job killed after it|-|dfhpc-ab-w3\n"
        "15|RUN|n1|-|-|other\n"
    )
    monkeypatch.setattr(lsf, "run_command", lambda command: lines)
    jobs = lsf.Lsf(ClusterConfig()).jobs("dfhpc-ab-")
    assert [(j.job_id, j.state, j.word, j.node) for j in jobs] == [
        ("12", "running", "RUN", "n1"),
        ("13", "pending", "PEND", None),
        ("14", "ended", "TERM_MEMLIMIT", "n069"),
    ]
    assert jobs[1].reason.startswith("Job dependency")
    assert jobs[0].reason == ""


def test_no_jobs_is_no_failure(monkeypatch):
    def fail(command):
        raise BatchError("bjobs failed with status 255: No job found")

    monkeypatch.setattr(lsf, "run_command", fail)
    assert lsf.Lsf(ClusterConfig()).jobs("") == []


def test_jobs_that_have_ended_are_cancelled_already(monkeypatch):
    def fail(command):
        raise BatchError("bkill failed: Job <1>: Job has already finished")

    monkeypatch.setattr(lsf, "run_command", fail)
    lsf.Lsf(ClusterConfig()).cancel(["1"])
    monkeypatch.setattr(lsf, "run_command", _refuse)
    with pytest.raises(BatchError, match="down"):
        lsf.Lsf(ClusterConfig()).cancel(["1"])


def _refuse(command):
    raise BatchError("bkill failed with status 255: LSF is down. Please wait ...")
