"""The demo from clips to verdicts, printing what a user would look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dfhpc import pipeline
from dfhpc.demo.clips import STRIDE, make_data_set, make_new_clips
from dfhpc.reporting import tables
from dfhpc.reporting.extraction_text import extraction_text
from dfhpc.reporting.status_table import status_text
from dfhpc.reporting.usage_text import usage_text
from dfhpc.reporting.verdict_text import verdict_text
from dfhpc.stages.predict import Judge
from dfhpc.status import read_status
from dfhpc.usage.report import read_report

CALIBRATION_SHARE = 0.35

Say = Callable[[str], Any]

INTRODUCTION = """\
The demo paints clips of invented people (one public-domain portrait, warped and
tinted) and forges some of them by swapping faces. It proves that the pipeline
works, not that these models detect deepfakes in the world: they do not need to be
any good on real videos to be good here. Five of 14 pairs of people are set aside to
turn scores into probabilities, which hold for clips painted like these alone."""


def show(folder: Path, workers: int | None, say: Say) -> None:
    """Make clips below ``folder``, run all stages on them, and predict four others."""
    say(f"{INTRODUCTION}\n")
    data, run_dir = folder / "data", folder / "run"
    make_data_set(data)
    first = {
        "data.path": str(data),
        "cluster.workers": workers,
        "extract.stride": STRIDE,
        # A tenth of so few people would be no calibration.
        "split.calibration_share": CALIBRATION_SHARE,
    }
    settings = pipeline.resolve(run_dir, None, first, {"assignments": ()})
    run = pipeline.start(run_dir, settings)
    pipeline.run_stages(run, settings, pipeline.STAGES, lambda stage, result: None)
    for stage, to_text in (
        ("scan", tables.manifest_text),
        ("extract", extraction_text),
        ("train", tables.training_text),
        ("evaluate", tables.evaluation_text),
    ):
        say(f"\n--- {stage} ---\n\n{to_text(pipeline.result(run, stage))}")
    say(f"\n--- usage ---\n\n{usage_text(read_report(run))}")
    say(f"\n--- status ---\n\n{status_text(read_status(run))}")
    clips = make_new_clips(folder / "new")
    judge = Judge(run)
    say(f"\n--- verdicts of {judge.name}, the best one on the calibration part ---\n")
    for clip in clips:
        say(verdict_text(judge.judge(clip).verdict))
    say(_where_to_look(folder))


def _where_to_look(folder: Path) -> str:
    run = folder / "run"
    return f"""
Where to look
  {folder / "data"}  the clips, laid out as FaceForensics++
  {run / "manifest.csv"}  each video with label and group
  {run / "partitions"}  what became of each frame
  {run / "evaluation" / "frames.csv"}  the score of each held-out frame
  {run / "evaluation" / "evaluation.json"}  everything measured
  {run / "evaluation"}/reliability-*.png  what the probabilities are worth
  {run / "models"}/*/model_card.md  what each model has learned from

Try
  dfhpc report {run}    (one page, to open in a browser)
  dfhpc status {run}
  dfhpc predict {folder / "new" / "fake.mp4"} --run-dir {run} --json
  dfhpc run --run-dir {run}          (finished: returns at once)"""
