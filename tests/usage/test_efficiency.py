import json
import time

import pytest

from dfhpc.batch_jobs import BatchJob, RecordedJob
from dfhpc.usage.efficiency import RELEASED, STOPPED, account
from dfhpc.usage.sacct import Answer, SlurmJob
from dfhpc.usage.samples import read_samples
from tests.usage.test_lsf_report import NEW, _report

GB = 2**30


def _recorded(job_id="7", system="slurm", how=None, **changes):
    facts = {"name": "dfhpc-w", "role": "worker", "cores": 2, "memory_bytes": 4 * GB}
    facts |= {"walltime_s": 3600, "output": f"logs/w-{job_id}.out"} | changes
    job = BatchJob(job_id=job_id, system=system, **facts)
    return RecordedJob(job, 1000.0, None if how is None else 2000.0, how, None)


def _slurm_job(**changes):
    facts = {"job_id": "7", "state": "COMPLETED", "exit_code": 0, "nodes": "n2"}
    facts |= {"submitted_t": 1000.0, "started_t": 1030.0, "ended_t": 1130.0}
    facts |= {"elapsed_s": 100.0, "cpu_s": 150.0, "max_rss_bytes": GB, "cores": 2}
    return SlurmJob(
        **(facts | {"requested_bytes": 4 * GB, "walltime_s": 60.0} | changes)
    )


@pytest.fixture
def sacct(monkeypatch):
    """Return a function that sets what sacct answers; without it none may be asked."""

    def answer(*jobs, problem=None):
        found = Answer({job.job_id: job for job in jobs}, problem)
        monkeypatch.setattr("dfhpc.usage.efficiency.ask_sacct", lambda ids: found)

    def unasked(ids):
        raise AssertionError(f"sacct was asked for {ids}")

    monkeypatch.setattr("dfhpc.usage.efficiency.ask_sacct", unasked)
    return answer


def _samples(folder, job_id="7", role="worker", name="w", mib=300, cpu=40.0):
    head = {"host": "n3", "job_id": job_id, "processes": 1, "threads": 4}
    lines = [
        head | {"t": 1050.0, "cpu_s": 0.0, "rss_bytes": 0},
        head | {"t": 1100.0, "cpu_s": cpu / 2, "rss_bytes": mib * 2**20},
        head | {"t": 1150.0, "cpu_s": cpu, "rss_bytes": 5},
    ]
    folder.mkdir(exist_ok=True)
    path = folder / f"{role}-n3-{name}-1.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_samples(folder)


def test_sacct_says_what_was_used_of_what_was_asked(tmp_path, sacct):
    sacct(_slurm_job())
    found = account(tmp_path, [_recorded(how="COMPLETED")], _samples(tmp_path / "u"))
    (job,) = found.jobs
    assert (found.sources, found.problems) == (["sacct"], [])
    assert (job.wait_s, job.elapsed_s, job.node) == (30, 100, "n2")
    assert job.cpu_share == 0.75
    assert job.memory_share == 0.25
    assert job.walltime_s == 60
    assert (job.sampled.cpu_s, job.sampled.max_rss_bytes) == (40, 300 * 2**20)
    assert job.to_json()["cpu_share"] == 0.75
    json.dumps(job.to_json(), allow_nan=False)


def test_a_running_job_has_its_samples(tmp_path, sacct):
    sacct(_slurm_job(state="RUNNING", cpu_s=None, max_rss_bytes=None, ended_t=None))
    (job,) = account(tmp_path, [_recorded()], _samples(tmp_path / "u")).jobs
    assert (job.state, job.is_ended, job.source) == ("RUNNING", False, "sacct")
    assert (job.elapsed_s, job.cpu_s, job.max_rss_bytes) == (100, 40, 300 * 2**20)


def test_without_sacct_there_are_samples_and_a_reason(tmp_path, sacct):
    sacct(problem="sacct gave no answer in 60 s")
    recorded = [_recorded(), _recorded("8", how="FAILED")]
    found = account(tmp_path, recorded, _samples(tmp_path / "u"))
    assert found.problems == ["sacct gave no answer in 60 s"]
    assert found.sources == ["samples"]
    first, second = found.jobs
    assert (first.wait_s, first.elapsed_s, first.node) == (50, 100, "n3")
    assert first.cpu_share == 0.2
    assert first.requested_bytes == 4 * GB
    assert (second.state, second.is_ended, second.cpu_s) == ("FAILED", True, None)
    assert (second.cpu_share, second.memory_share, second.source) == (None, None, None)


def test_processes_of_one_job_are_added(tmp_path, sacct):
    sacct(problem="none")
    folder = tmp_path / "u"
    _samples(folder, role="driver", name="d", mib=100, cpu=10)
    _samples(folder, name="a", mib=700)
    _samples(folder, name="other", job_id="99", mib=5000)
    samples = _samples(folder, name="b", mib=300)
    (job,) = account(tmp_path, [_recorded()], samples).jobs
    assert job.sampled.cpu_s == 10 + 40 + 40
    assert job.sampled.max_rss_bytes == 1100 * 2**20
    assert job.sampled.max_worker_bytes == 700 * 2**20
    assert job.sampled.busiest_cores == pytest.approx(0.9)


def test_an_lsf_report_in_the_output_of_the_job(tmp_path, sacct):
    text = _report("Exited with exit code 1.\n\n" + NEW.format(memory="12800 MB"))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "w-7.out").write_text("hello\n" + text)
    recorded = [_recorded(system="lsf", output="logs/w-%J.out", cores=4)]
    (job,) = account(tmp_path, recorded, read_samples(tmp_path)).jobs
    assert (job.source, job.state, job.exit_code) == ("LSF report", "EXIT", 1)
    assert job.is_ended
    assert job.node == "n-1-2"
    assert job.wait_s == 19 * 3600 + 9 * 60 + 26
    assert job.elapsed_s == 64124
    assert job.cpu_share == pytest.approx(64115 / 64124 / 4)
    assert job.memory_share == 0.5
    local = time.mktime((2020, 4, 15, 0, 26, 19, 0, 0, -1))
    assert job.submitted_t == local


def test_an_ended_lsf_job_without_a_report_is_told_of(tmp_path, sacct):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "w-7.out").write_text("hello\n")
    recorded = [
        _recorded(each, "lsf", how) for each, how in (("7", "DONE"), ("8", None))
    ]
    recorded.append(_recorded("9", "lsf", "EXIT"))
    found = account(tmp_path, recorded, read_samples(tmp_path))
    assert found.problems == ["no LSF report on the job in w-7.out, w-9.out"]
    assert [job.is_ended for job in found.jobs] == [True, False, True]


@pytest.mark.parametrize(
    ("state", "code", "how", "shown"),
    [
        ("CANCELLED", 0, RELEASED, RELEASED),
        ("CANCELLED", 0, "CANCELLED", "CANCELLED"),
        ("NODE_FAIL", 0, RELEASED, "NODE_FAIL"),
        ("FAILED", 75, STOPPED, STOPPED),
        ("FAILED", 1, STOPPED, "FAILED"),
        ("FAILED", 75, "FAILED", "FAILED"),
    ],
)
def test_an_end_that_dfhpc_chose_is_no_failure(
    tmp_path, sacct, state, code, how, shown
):
    sacct(_slurm_job(state=state, exit_code=code))
    (job,) = account(tmp_path, [_recorded(how=how)], read_samples(tmp_path)).jobs
    assert job.state == shown


def test_a_run_without_jobs_asks_nobody(tmp_path, sacct):
    found = account(tmp_path, [], read_samples(tmp_path))
    assert (found.jobs, found.sources, found.problems) == ([], [], [])
