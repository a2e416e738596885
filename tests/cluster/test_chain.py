import json

import pytest

from dfhpc.cluster.chain import CHAIN, begin_link, end_chain, progress_mark
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import ChainError
from dfhpc.runs import RunDirectory

CONFIG = ClusterConfig()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv(CHAIN, "1")
    run = RunDirectory(tmp_path)
    run.partitions_dir.mkdir()
    return run


def _begin(run, monkeypatch, job_id):
    monkeypatch.setenv("SLURM_JOB_ID", job_id)
    begin_link(run, CONFIG)


def test_two_links_without_progress_end_the_chain(run, monkeypatch):
    _begin(run, monkeypatch, "1")
    _begin(run, monkeypatch, "2")
    with pytest.raises(ChainError, match="Jobs 1 and 2 brought .* no further"):
        _begin(run, monkeypatch, "3")


def test_progress_keeps_a_chain_going(run, monkeypatch):
    for number in range(5):
        _begin(run, monkeypatch, str(number))
        run.partition_path(number).write_text("{}")


def test_a_job_that_was_queued_again_is_one_link(run, monkeypatch):
    for _ in range(5):
        _begin(run, monkeypatch, "1")


def test_another_chain_starts_anew(run, monkeypatch):
    _begin(run, monkeypatch, "1")
    _begin(run, monkeypatch, "2")
    monkeypatch.setenv(CHAIN, "2")
    _begin(run, monkeypatch, "3")


def test_what_was_only_begun_is_no_progress(run):
    before = progress_mark(run)
    (run.partitions_dir / "000000.current").write_text("x")
    run.deaths_path.write_text("{}")
    folder = run.model_dir("svm")
    folder.mkdir(parents=True)
    (folder / "begun.json").write_text("{}")
    (folder / ".part.partial").write_text("")
    assert progress_mark(run) == before
    (folder / "checkpoint.npz").write_text("1")
    assert progress_mark(run) != before


def test_outside_a_chain_nothing_is_noted(run, monkeypatch):
    monkeypatch.delenv(CHAIN)
    for number in range(4):
        _begin(run, monkeypatch, str(number))
    assert not run.links_path.exists()
    assert end_chain(run, CONFIG) == []


def test_the_journal_of_links(run, monkeypatch):
    _begin(run, monkeypatch, "9")
    record = json.loads(run.links_path.read_text())
    assert (record["chain"], record["job_id"]) == ("1", "9")
