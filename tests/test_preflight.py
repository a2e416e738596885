"""What `dfhpc submit` refuses, and what it only prints; no batch system is there."""

import pytest
from click.testing import CliRunner

from dfhpc import pipeline
from dfhpc.cli import cli
from dfhpc.cluster.identity import run_id
from tests.invented_run import begin_run


@pytest.fixture
def submit(clips, tmp_path):
    """Return a function that gives the command `dfhpc submit`."""

    def call(*words, run_dir=tmp_path / "run"):
        command = ["submit", "--data", str(clips), "--run-dir", str(run_dir), *words]
        return CliRunner().invoke(cli, command)

    return call


def refusal(done):
    assert isinstance(done.exception, Exception), done.output
    return done.output + str(done.exception)


def test_a_dry_run_writes_nothing(submit, tmp_path):
    done = submit("--cluster", "slurm", "--dry-run", "--nights", "2")
    assert done.exit_code == 0, done.output
    assert done.output.count("#SBATCH --job-name=dfhpc-RUN_ID-driver\n") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_jobs_as_they_will_be(submit, tmp_path, quick_settings):
    run = pipeline.start(tmp_path / "run", quick_settings)
    name = run_id(run)
    done = submit("--cluster", "slurm", "--workers", "2", "--dry-run")
    assert f"#SBATCH --job-name=dfhpc-{name}-driver\n" in done.output


def test_a_dry_run_knows_the_users_own_defaults(submit, monkeypatch):
    monkeypatch.setenv("SBATCH_ACCOUNT", "physics")
    done = submit("--cluster", "slurm", "--dry-run")
    assert "#SBATCH --account=physics\n" in done.output


def test_without_standard_input_the_script_is_a_file(submit, tmp_path):
    words = ("--cluster", "lsf", "--dry-run", "--set", "cluster.use_stdin=false")
    done = submit(*words)
    script = tmp_path / "run" / "logs" / "jobs" / "dfhpc-RUN_ID-driver.sh"
    before, _, after = done.output.partition("\nEOF\n")
    assert f"cat > {script} <<'EOF'\n#!/usr/bin/env bash\n" in before
    assert after.startswith("bsub -J dfhpc-RUN_ID-driver ")
    assert f" bash {script}\n" in after


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_is_refused_begins_nothing(submit, tmp_path, more):
    assert "say --cluster slurm or lsf" in refusal(submit("--cluster", "local", *more))
    slurm = ("--cluster", "slurm", *more)
    assert "no data at" in refusal(submit(*slurm, "--data", str(tmp_path / "none")))
    for name, what in {
        "a\\b": "a backslash",
        "a\nb": "a line break",
        "50%Jobs": "%J",
    }.items():
        found = refusal(submit(*slurm, run_dir=tmp_path / name))
        assert f"has {what} in it" in found
    assert list(tmp_path.iterdir()) == []


def test_other_settings_are_refused_by_a_dry_run(submit, tmp_path, quick_settings):
    begin_run(tmp_path / "run", quick_settings)
    done = submit(
        *("--cluster", "slurm", "--workers", "2", "--dry-run"),
        *("--set", "split.seed=7"),
    )
    assert "split.seed is 42 there and 7 now" in refusal(done)
