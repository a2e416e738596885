"""The command line as a user has it: exit codes, sentences, JSON."""

import json
import shutil
import subprocess
import time

import pytest
from click.testing import CliRunner

from dfhpc.cli import cli

QUICK = (
    *("--detector", "haar", "--frames-per-video", "4", "--workers", "0"),
    *("--set", "extract.stride=8", "--set", "train.sgd.epochs=1"),
    *("--set", "train.random_forest.num_trees=3"),
    *("--set", "train.random_forest.columns_per_tree=128"),
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory, clips):
    """Return a run directory that the command line made."""
    import sys

    folder = tmp_path_factory.mktemp("cli") / "a run"
    command = [sys.executable, "-m", "dfhpc", "run", "--data", str(clips)]
    done = subprocess.run(
        [*command, "--run-dir", str(folder), *QUICK],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in ("capture rate", "Split group", "Model svm, test part", "precision"):
        assert words in done.stdout
    return folder


def test_a_finished_run_returns_at_once_and_says_so(run_dir, clips, dfhpc):
    started = time.monotonic()
    done = dfhpc("run", "--data", clips, "--run-dir", run_dir, *QUICK)
    # Not a timing claim: it must not start workers or load TensorFlow.
    assert time.monotonic() - started < 10
    assert done.returncode == 0
    assert "is finished; nothing is left to do" in done.stderr
    assert done.stdout == ""


def test_without_a_recipe_a_run_goes_on_with_its_own_settings(run_dir, dfhpc):
    done = dfhpc("run", "--run-dir", run_dir)
    assert done.returncode == 0
    assert "is finished" in done.stderr


def test_other_settings_are_refused_by_name(run_dir, clips, dfhpc):
    done = dfhpc("run", "--data", clips, "--run-dir", run_dir, "--set", "split.seed=7")
    assert done.returncode == 2
    assert "split.seed is 42 there and 7 now" in done.stderr


def test_other_workers_are_not_refused(run_dir, dfhpc):
    assert dfhpc("run", "--run-dir", run_dir, "--workers", "1").returncode == 0


@pytest.mark.parametrize("stage", ["extract", "train", "evaluate"])
def test_stage_commands_on_a_finished_run(run_dir, dfhpc, stage):
    done = dfhpc(stage, run_dir)
    assert done.returncode == 0
    assert f"{stage} is done already" in done.stderr
    assert done.stdout
    json.loads(dfhpc(stage, run_dir, "--json").stdout)


def test_stage_by_stage_has_the_same_effect(run_dir, clips, tmp_path, dfhpc):
    folder = tmp_path / "steps"
    options = [option for option in QUICK if option not in ("--workers", "0")]
    done = dfhpc("scan", clips, "--run-dir", folder, *options)
    assert done.returncode == 0, done.stderr
    for stage in ("extract", "train", "evaluate"):
        done = dfhpc(stage, folder, "--workers", "0")
        assert done.returncode == 0, done.stderr
    for name in ("manifest.csv", "split.json", "partitions/finished.json"):
        assert (folder / name).read_bytes() == (run_dir / name).read_bytes()
    both = [
        json.loads((each / "evaluation/evaluation.json").read_text())["models"]
        for each in (folder, run_dir)
    ]
    assert both[0] == both[1]


def test_scan_writes_a_manifest_that_can_be_scanned(clips, tmp_path, dfhpc):
    manifest = tmp_path / "manifest.csv"
    done = dfhpc("scan", clips, "--layout", "ffpp", "-o", manifest)
    assert done.returncode == 0, done.stderr
    assert "24 videos (8 real, 16 fake, 0 without label) in 4 groups" in done.stdout
    again = json.loads(dfhpc("scan", manifest, "--json").stdout)
    assert (again["videos"], again["groups"]) == (24, 4)


def test_status_and_usage(run_dir, dfhpc, tmp_path):
    assert "24 of 24 partitions" in dfhpc("status", run_dir).stdout
    assert json.loads(dfhpc("status", run_dir, "--json").stdout)["working"] is None
    text = dfhpc("usage", run_dir, "--plot", tmp_path / "usage.png").stdout
    assert (tmp_path / "usage.png").read_bytes().startswith(b"\x89PNG")
    # Four stages, within training each model, and the whole run.
    assert text.count("Resource usage summary:") == 4 + 3 + 1
    assert text.count("    CPU time :                                   ") == 4 + 3 + 1
    assert "Batch jobs" not in text
    usage = json.loads(dfhpc("usage", run_dir, "--json").stdout)
    models = ["svm", "logistic_regression", "random_forest"]
    trained = [f"train {name}" for name in models]
    assert list(usage["stages"]) == ["scan", "extract", "train", *trained, "evaluate"]
    assert usage["stages"]["extract"]["cpu_s"] > 0
    stages = [
        usage["stages"][name] for name in ("scan", "extract", "train", "evaluate")
    ]
    together = sum(stage["cpu_s"] for stage in stages)
    assert abs(usage["run"]["cpu_s"] - together) < 0.01 * together + 0.1
    assert usage["jobs"] == []


def test_predict_prints_a_line_or_an_object_a_video(run_dir, clips, tmp_path, dfhpc):
    broken = tmp_path / "broken ü.mp4"
    broken.write_text("no video")
    good = next(clips.rglob("000.mp4"))
    done = dfhpc("predict", good, broken, "--run-dir", run_dir)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert str(good) in first
    assert second.startswith("error")
    assert "not_a_video" in second
    done = dfhpc("predict", good, broken, "--run-dir", run_dir, "--json")
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [v["path"] for v in verdicts] == [str(good), str(broken)]
    assert dfhpc("predict", broken, "--run-dir", run_dir).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--run-dir", "R"], 2, "No data are named"),
        (["run", "--data", "absent", "--run-dir", "R"], 1, "absent does not exist"),
        (
            ["run", "absent.toml", "--data", ".", "--run-dir", "R"],
            2,
            "Recipe absent.toml",
        ),
        (["run", "--data", ".", "--run-dir", "R"], 1, "holds no video"),
        (["run", "--data", ".", "--run-dir", "R", "--set", "x=1"], 2, "unknown key x"),
        (
            ["run", "--data", ".", "--run-dir", "R", "--models", "svmm"],
            2,
            "there is no model svmm",
        ),
        (["run", "--data", "."], 2, "Missing option '--run-dir'"),
        (["extract", "absent"], 1, "not a run directory"),
        (["status", "."], 1, "not a run directory"),
        (["usage", "absent"], 1, "not a run directory"),
        (["predict", "x.mp4", "--run-dir", "."], 1, "not a run directory"),
        (["scan", "absent"], 1, "does not exist"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_wrong_use_gets_one_sentence(tmp_path, dfhpc, arguments, code, words):
    done = dfhpc(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_wrong_first_command_leaves_no_run_behind_that_refuses_the_right_one(
    tmp_path, clips, dfhpc
):
    folder = tmp_path / "run"
    assert (
        dfhpc("run", "--data", tmp_path / "typo", "--run-dir", folder).returncode == 1
    )
    done = dfhpc("scan", clips, "--run-dir", folder)
    assert done.returncode == 0, done.stderr


def test_help_of_every_command():
    runner = CliRunner()
    for name in ("", *cli.commands):
        result = runner.invoke(cli, [*name.split(), "--help"])
        assert result.exit_code == 0
        assert "Usage:" in result.output


def test_help_loads_no_heavy_library(dfhpc):
    import sys

    code = (
        "import sys, dfhpc.cli\n"
        "heavy = {'tensorflow', 'cv2', 'dask', 'distributed', 'sklearn', 'av',"
        " 'numpy', 'zarr', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_read_only_place_is_one_sentence(tmp_path, clips, dfhpc):
    (tmp_path / "file").write_text("")
    done = dfhpc("run", "--data", clips, "--run-dir", tmp_path / "file" / "run", *QUICK)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "file") in done.stderr


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_damages_nothing(tmp_path, clips, dfhpc):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        done = dfhpc("run", "--data", clips, "--run-dir", small / "run", *QUICK)
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        kept = len(list((small / "run" / "partitions").glob("0*.json")))
        assert 0 < kept < 24
        subprocess.run(["mount", "-o", "remount,size=200m", str(small)], check=True)
        done = dfhpc("run", "--data", clips, "--run-dir", small / "run", *QUICK)
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_moved_run_directory_still_predicts(run_dir, clips, tmp_path, dfhpc):
    moved = tmp_path / "moved"
    shutil.copytree(run_dir, moved)
    done = dfhpc("predict", next(clips.rglob("001.mp4")), "--run-dir", moved)
    assert done.returncode == 0, done.stderr
