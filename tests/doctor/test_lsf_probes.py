"""What the doctor asks LSF, of a site that answers as it is told to."""

import getpass

import pytest

from dfhpc.doctor import lsf_probes
from dfhpc.doctor.visit import Visit
from dfhpc.recipes import parse_settings

MINUTES = {"short": 60, "night": 720}


def visit(tmp_path, **cluster):
    table = {"cluster": {"kind": "lsf", **cluster}}
    return Visit(parse_settings(table, "test"), tmp_path)


@pytest.fixture
def asked(monkeypatch):
    """Return the commands that were given."""
    commands = []

    def answer(command):
        commands.append(command)
        name = command[-1]
        if command[0] == "busers":
            return f"USER/GROUP JL/P MAX NJOBS\n{getpass.getuser()} - 8 0\n"
        if command[1] == "-w":
            return f"QUEUE_NAME STATUS\n{name} Open:Active\n"
        return f"MAXIMUM LIMITS:\n RUNLIMIT\n {MINUTES[name]}.0 min of host1\n"

    monkeypatch.setattr(lsf_probes, "run_command", answer)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    return commands


def test_each_of_several_queues_is_asked_for(tmp_path, asked):
    found = lsf_probes.queue(visit(tmp_path, queue="short night", driver_queue="short"))
    assert found.state == "ok"
    assert [command[-1] for command in asked] == ["short", "night"]


@pytest.mark.parametrize(
    ("queue", "state"),
    [("short night", "ok"), ("night short", "ok"), ("short", "failure")],
)
def test_the_longest_of_several_queues_is_what_counts(tmp_path, asked, queue, state):
    assert (
        lsf_probes.walltime(visit(tmp_path, queue=queue, walltime="12h")).state == state
    )
    assert asked


@pytest.mark.usefixtures("asked")
def test_slots_of_workers_as_jobs(tmp_path):
    assert lsf_probes.slot_limit(visit(tmp_path, workers=6)).state == "ok"
    found = lsf_probes.slot_limit(visit(tmp_path, workers=7))
    assert (found.state, found.remedy) == ("warning", "cluster.workers = 6")


@pytest.mark.usefixtures("asked")
def test_slots_of_workers_in_a_job(tmp_path):
    """Each part has the two cores of a driver."""
    fits = visit(tmp_path, workers=3, workers_in_job=True)
    assert lsf_probes.slot_limit(fits).state == "ok"
    found = lsf_probes.slot_limit(visit(tmp_path, workers=4, workers_in_job=True))
    assert (found.state, found.remedy) == ("failure", "cluster.workers = 3")
    assert "needs 10: its one job would never start" in found.found
