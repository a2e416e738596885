from dfhpc import journal
from dfhpc.batch_jobs import BatchJob, read_jobs, record_ended, record_submitted
from dfhpc.runs import RunDirectory


def test_half_a_line_is_passed_over(tmp_path):
    path = tmp_path / "cluster" / "jobs.jsonl"
    journal.append(path, {"event": "first"})
    with path.open("a") as file:
        file.write('{"t": 1, "event": "ha')
    assert [record["event"] for record in journal.read(path)] == ["first"]


def test_half_a_line_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "jobs.jsonl"
    path.write_text('{"t": 1, "event": "ha')
    journal.append(path, {"event": "second"})
    journal.append(path, {"event": "third"})
    assert [record["event"] for record in journal.read(path)] == ["second", "third"]


def test_an_absent_journal_is_empty(tmp_path):
    assert list(journal.read(tmp_path / "none.jsonl")) == []


def test_jobs_with_what_became_of_them(tmp_path):
    run = RunDirectory(tmp_path)
    worker = BatchJob("7", "dfhpc-ab-w0", "slurm", "worker", 1, 2**30, 3600, "o")
    driver = BatchJob("6", "dfhpc-ab-driver", "slurm", "driver", 2, None, None, "")
    record_submitted(run, driver)
    record_submitted(run, worker)
    record_ended(run, "7", "NODE_FAIL", "n2")
    record_ended(run, "99", "COMPLETED")
    first, second = read_jobs(run)
    assert first.job == driver
    assert first.ended_t is None
    assert second.job == worker
    assert (second.how, second.node) == ("NODE_FAIL", "n2")
    assert second.ended_t >= second.submitted_t
