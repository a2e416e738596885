"""Runs on runs, and runs on videos made worse: what is done beside the stages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfhpc import pipeline
from dfhpc.cluster.lazy import LazyPool
from dfhpc.config import Settings
from dfhpc.errors import ConfigError, SplitError
from dfhpc.matrix import build_matrix, common_models, matrix_csv
from dfhpc.other_run import OtherRun, Part, describe, open_other
from dfhpc.reporting.cross_figures import save_matrix_figure
from dfhpc.runs import RunDirectory, write_json, write_text
from dfhpc.stages import cross, robustness
from dfhpc.stages.evaluate import load_evaluation

Keys = dict[str, Any]
"""Dotted settings about the cluster that a command is given."""


def evaluate_on(
    run_dir: Path, others: Sequence[Path], part: Part, keys: Keys
) -> list[dict[str, Any]]:
    """Measure the models of a run on the faces of other runs; return the results.

    The run is evaluated on its own test part first, if it is not.

    Raises
    ------
    SplitError
        When not one video can be scored; what could be is written all the same.
    """
    run, settings = _evaluated(run_dir, keys)
    results = _on_others(run, settings, others, part)
    for result in results:
        if not _models_of(result):
            raise SplitError(result["why"])
    return results


def _models_of(result: dict[str, Any]) -> dict[str, Any]:
    beside = result["beside"] or {"models": {}}
    return {**result["models"], **beside["models"]}


def _evaluated(run_dir: Path, keys: Keys) -> tuple[RunDirectory, Settings]:
    """Return a run and its settings, evaluated on its own test part."""
    run, settings = pipeline.reopen(run_dir, keys)
    pipeline.run_stages(run, settings, ("evaluate",), lambda stage, found: None)
    return run, settings


def _on_others(
    run: RunDirectory, settings: Settings, paths: Sequence[Path], part: Part
) -> list[dict[str, Any]]:
    others = [open_other(run, path, part) for path in paths]

    def work(pools: LazyPool) -> None:
        for other in others:
            cross.evaluate_on(run, settings, other, pools)

    if any(cross.known_result(run, other) is None for other in others):
        pipeline.run_beside(run, settings, "cross-evaluation", work)
    return [_known(run, other) for other in others]


def _known(run: RunDirectory, other: OtherRun) -> dict[str, Any]:
    result = cross.known_result(run, other)
    assert result is not None
    return result


def cross_runs(
    run_dirs: Sequence[Path], out: Path, part: Part, keys: Keys
) -> dict[str, Any]:
    """Measure each run's models on each run's videos; write and return the matrix.

    Raises
    ------
    ConfigError
        With fewer than two runs, or one named twice.
    ModelError
        When they have no model in common.
    """
    if len({path.resolve() for path in run_dirs}) < max(2, len(run_dirs)):
        raise ConfigError("A matrix needs at least two runs, each named once.")
    opened = [_evaluated(run_dir, keys) for run_dir in run_dirs]
    evaluations = [load_evaluation(run) for run, _ in opened]
    # What cannot be laid side by side is refused before hours of scoring.
    common_models(evaluations)
    results: dict[tuple[int, int], dict[str, Any]] = {}
    for i, (run, settings) in enumerate(opened):
        columns = [j for j in range(len(opened)) if j != i]
        others = [run_dirs[j] for j in columns]
        found = _on_others(run, settings, others, part)
        results |= {(i, j): one for j, one in zip(columns, found, strict=True)}
    described = [describe(run, settings) for run, settings in opened]
    matrix = build_matrix(described, evaluations, results, part)
    write_text(out / "matrix.csv", matrix_csv(matrix))
    for model in matrix["models"]:
        save_matrix_figure(out / f"matrix-{model}.png", matrix, model)
    write_json(out / "matrix.json", matrix)
    return matrix


def measure_robustness(run_dir: Path, max_videos: int, keys: Keys) -> dict[str, Any]:
    """Score test videos of a run that were made worse; return what is written."""
    run, settings = _evaluated(run_dir, keys)
    known = robustness.known_result(run, settings, max_videos)
    if known is not None:
        return known
    return pipeline.run_beside(  # type: ignore[no-any-return]
        run,
        settings,
        "robustness",
        lambda pools: robustness.measure(run, settings, max_videos, pools),
    )
