"""The stages of a run in order, those that are not done, under one lock."""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfhpc.cluster import dashboard
from dfhpc.cluster.chain import begin_link, end_chain
from dfhpc.cluster.driver import job_lives, own_job, recorded_driver
from dfhpc.cluster.lazy import LazyPool, pool_for
from dfhpc.cluster.performance import reported_performance
from dfhpc.cluster.signals import raise_if_stopped, request_stop, stop_on_signals
from dfhpc.cluster.user_defaults import with_user_defaults
from dfhpc.cluster_config import parse_cluster
from dfhpc.config import Settings
from dfhpc.driver_notes import error_noted, forget_error
from dfhpc.errors import ConfigError
from dfhpc.locks import hold
from dfhpc.logs import is_ours_or_critical
from dfhpc.recipes import load_recipe, parse_override, parse_settings, with_overrides
from dfhpc.reporting.progress_writer import note_stage, progress_written
from dfhpc.runs import RunDirectory, open_run
from dfhpc.stages import evaluate, extract, scan, search, train
from dfhpc.sweeping import sweep_partial
from dfhpc.this_job import this_job
from dfhpc.usage.sampler import Sampler, sampled_stage, sampling_driver
from dfhpc.videos.layouts import read_videos
from dfhpc.videos.manifest import read_manifest, write_manifest

if TYPE_CHECKING:
    from distributed import WorkerPlugin

logger = logging.getLogger(__name__)

STAGES = ("scan", "extract", "search", "train", "evaluate")

Report = Callable[[str, Any], None]
"""Called with the name of a finished stage and what it returned."""


def resolve(
    run_dir: Path | None,
    recipe: Path | None,
    first: dict[str, Any],
    options: dict[str, Any],
) -> Settings:
    """Return the settings of a run: defaults, then recipe, then options.

    Without a recipe, a run directory that exists goes on with its own settings.
    ``first`` holds dotted keys, ``options`` those of the command line; None means
    not given.

    Raises
    ------
    ConfigError
        For an unknown key or a wrong value.
    """
    run = None if run_dir is None else RunDirectory(run_dir.absolute())
    if recipe is not None:
        raw, source = load_recipe(recipe), f"{recipe} and the options given"
    elif run is not None and run.config_path.exists():
        raw, source = scan.load_settings(run).to_json(), str(run.config_path)
    else:
        raw, source = {}, "the command line"
    raw = with_overrides(raw, _given(first) | _named(options))
    if "data" not in raw or "path" not in raw["data"]:
        raise ConfigError("No data are named; give --data DIR.")
    return scan.with_absolute_paths(parse_settings(raw, source))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """Return the dotted keys that the options of the command line stand for."""
    models = options.get("models")
    named = {
        "data.layout": options.get("layout"),
        "extract.frames_per_video": options.get("frames_per_video"),
        "extract.detector": options.get("detector"),
        "extract.device": options.get("device"),
        "extract.faces": options.get("faces"),
        "split.kind": options.get("split"),
        "train.models": models and [name.strip() for name in models.split(",")],
    }
    return _given(named) | dict(map(parse_override, options["assignments"]))


def on_cluster(
    cluster: str | None, workers: int | None, *, workers_in_job: bool = False
) -> dict[str, Any]:
    """Return the dotted keys that the options about the cluster stand for.

    Raises
    ------
    ConfigError
        When there is no such cluster.
    """
    here = this_job()
    keys: dict[str, Any] = {}
    if cluster is not None:
        try:
            keys = parse_cluster(cluster, here.system if here is not None else None)
        except ValueError as error:
            raise ConfigError(f"{error}.") from None
        # Settings of an earlier night may have had another scheduler.
        keys = {f"cluster.{key}": value for key, value in keys.items()}
    if workers is not None:
        keys["cluster.workers"] = workers
    if workers_in_job:
        keys["cluster.workers_in_job"] = True
    return keys


def start(run_dir: Path, settings: Settings) -> RunDirectory:
    """Return the run directory at ``run_dir``, begun or found with these settings."""
    run = RunDirectory(run_dir.absolute())
    with _held(run):
        scan.start_run(run, settings)
    return run


def _held(run: RunDirectory) -> AbstractContextManager[None]:
    def on_lost() -> None:
        logger.error("Another driver has taken %s; this one stops.", run.path)
        request_stop()

    return hold(run.lock_path, own_job(), job_lives, on_lost)


def reopen(run_dir: Path, cluster: dict[str, Any]) -> tuple[RunDirectory, Settings]:
    """Return a run directory and its settings, some of them about the cluster new."""
    run = open_run(run_dir)
    raw = with_overrides(scan.load_settings(run).to_json(), cluster)
    return run, parse_settings(raw, str(run.config_path))


def scan_only(
    settings: Settings, run_dir: Path | None, output: Path | None
) -> dict[str, Any]:
    """Scan, for a run directory or for none, and return counts."""
    if run_dir is None:
        _, videos = read_videos(settings.data)
    else:
        run = start(run_dir, settings)
        run_stages(run, settings, ("scan",), lambda stage, result: None)
        videos = read_manifest(run.manifest_path)
    if output is not None:
        write_manifest(output, videos)
    return scan.summarize(videos)


def result(run: RunDirectory, stage: str) -> dict[str, Any]:
    """Return what a finished stage found."""
    readers: dict[str, Callable[[], dict[str, Any]]] = {
        "scan": lambda: scan.summarize(read_manifest(run.manifest_path)),
        "extract": lambda: extract.read_report(run),
        "search": lambda: search.read_results(run, scan.load_settings(run)),
        "train": lambda: train.read_cards(run, scan.load_settings(run)),
        "evaluate": lambda: evaluate.load_evaluation(run),
    }
    return readers[stage]()


def _is_done(stage: str, run: RunDirectory, settings: Settings) -> bool:
    checks: dict[str, Callable[[], bool]] = {
        "scan": lambda: scan.is_done(run),
        "extract": lambda: extract.is_done(run),
        "search": lambda: search.is_done(run, settings),
        "train": lambda: train.is_done(run, settings),
        "evaluate": lambda: evaluate.is_done(run, settings),
    }
    return checks[stage]()


def is_finished(
    run: RunDirectory, settings: Settings, stages: tuple[str, ...] = STAGES
) -> bool:
    """Whether all of ``stages`` are done."""
    return all(_is_done(stage, run, settings) for stage in stages)


def run_stages(
    run: RunDirectory, settings: Settings, stages: tuple[str, ...], report: Report
) -> bool:
    """Do those of ``stages`` that are not done; report each; return if any was.

    Raises
    ------
    RunLockedError
        When another process works on the run directory.
    StoppedError
        When a stop was requested; what is finished is kept.
    """
    if is_finished(run, settings, stages):
        end_chain(run, settings.cluster)
        forget_error(run)
        # A finished run may lie where none can write.
        with contextlib.suppress(OSError), recorded_driver(run):
            pass
        return False
    with _at_work(run, settings) as (pools, sampler):
        begin_link(run, settings.cluster)
        is_planned = False
        for stage in stages:
            if _is_done(stage, run, settings):
                continue
            raise_if_stopped()
            if stage != "scan" and not is_planned:
                # Before hours of whatever comes first.
                _plan(run, settings, stages)
                is_planned = True
            report(stage, _run_stage(stage, run, settings, pools, sampler))
    if stages == STAGES:
        end_chain(run, settings.cluster)
    return True


def run_beside(
    run: RunDirectory, settings: Settings, name: str, work: Callable[[LazyPool], Any]
) -> Any:
    """Do ``work`` on a run that is none of its stages, measured under ``name``.

    Raises
    ------
    RunLockedError
        When another process works on the run directory.
    StoppedError
        When a stop was requested; what is finished is kept.
    """
    with _at_work(run, settings) as (pools, sampler):
        logger.info("%s begins.", name.capitalize())
        note_stage(name)
        with sampled_stage(sampler, name, _requested_bytes(settings)):
            return work(pools)


@contextlib.contextmanager
def _at_work(
    run: RunDirectory, settings: Settings
) -> Iterator[tuple[LazyPool, Sampler]]:
    """Hold the run while the block works on it, with workers and samples of usage."""
    # Not in the settings of the run, which another user may resume.
    cluster = with_user_defaults(settings.cluster)
    with (
        stop_on_signals(settings.cluster.grace_s),
        _held(run),
        error_noted(run),
        progress_written(run.progress_path),
        _logging_to_file(run),
        recorded_driver(run),
        sampling_driver(run.usage_dir) as sampler,
        pool_for(run, cluster, functools.partial(_plugin, run)) as pools,
    ):
        # One that was killed has left where its dashboard was.
        dashboard.forget(run)
        sweep_partial(run)
        yield pools, sampler


def _plan(run: RunDirectory, settings: Settings, stages: tuple[str, ...]) -> None:
    """Refuse now what a stage to come would refuse."""
    if "train" in stages and not _is_done("train", run, settings):
        train.plan(run, settings)
    if "search" in stages and not _is_done("search", run, settings):
        search.plan(run, settings)


def _run_stage(
    stage: str, run: RunDirectory, settings: Settings, pools: LazyPool, sampler: Sampler
) -> Any:
    logger.info("Stage %s begins.", stage)
    note_stage(stage)
    requested = _requested_bytes(settings)

    def measured(name: str) -> AbstractContextManager[None]:
        return sampled_stage(sampler, name, requested)

    calls: dict[str, Callable[[], Any]] = {
        "scan": lambda: scan.summarize(scan.scan(run, settings)),
        "extract": lambda: extract.extract(run, settings, pools),
        "search": lambda: search.search(run, settings, pools),
        "train": lambda: train.train(run, settings, pools, measured),
        "evaluate": lambda: evaluate.evaluate(run, settings, pools),
    }
    report_path = run.performance_dir / f"{stage}.html"
    with measured(stage), reported_performance(pools, report_path):
        return calls[stage]()


def _requested_bytes(settings: Settings) -> int | None:
    """Return the memory that the user asked for, over all workers, if they did."""
    return settings.cluster.requested_bytes


def _plugin(run: RunDirectory) -> "WorkerPlugin":
    from dfhpc.usage.plugin import UsagePlugin

    return UsagePlugin(run.usage_dir)


@contextlib.contextmanager
def _logging_to_file(run: RunDirectory) -> Iterator[None]:
    """Add what this process logs to a file of the run directory."""
    run.logs_dir.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(run.logs_dir / "driver.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(is_ours_or_critical)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
