"""Report: all that is known of a run, as one page that opens anywhere."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dfhpc import __version__
from dfhpc.constants import LABEL_NAMES
from dfhpc.curves import curves_of, read_test_scores
from dfhpc.errors import DfhpcError
from dfhpc.evaluation_shape import read_evaluation
from dfhpc.extraction.outcomes import done_partitions
from dfhpc.inspection.darkroom import Darkroom
from dfhpc.inspection.faults import read_faults
from dfhpc.inspection.gallery import Gallery, develop
from dfhpc.inspection.parts import read_split, summarize_manifest
from dfhpc.inspection.review import iter_reviewed
from dfhpc.inspection.tally import RunTally
from dfhpc.models.cards import read_card
from dfhpc.other_run import read_results
from dfhpc.recipes import parse_settings
from dfhpc.reporting.pages import data_uri
from dfhpc.reporting.report.blocks import Face
from dfhpc.reporting.report.facts import Facts, ModelCurves, SplitFacts
from dfhpc.reporting.report.page import draw_report
from dfhpc.reproducing import as_recipe, changed_settings, option_value
from dfhpc.runs import RunDirectory, read_json, read_record, write_text
from dfhpc.split_rows import refuse_other_manifest
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.schema import open_store, store_layout
from dfhpc.usage.report import read_report
from dfhpc.usage.samples import read_samples
from dfhpc.usage.timeline import timeline
from dfhpc.videos.manifest import Video, read_manifest

EVALUATION_KEYS = (
    *("models_hash", "models", "split", "audit", "not_scored", "beside", "costs"),
)

SEARCH_KEYS = ("candidates", "best", "model")

MOST_PICTURE_BYTES = 400_000
"""A larger figure stays in its folder."""

Found = TypeVar("Found")
Json = dict[str, Any]


def write_report(
    run: RunDirectory, output: Path | None = None, *, with_faces: bool = True
) -> Json:
    """Write the report of a run as far as it has come; return what was written.

    Raises
    ------
    RunDirectoryError
        When its settings are damaged.
    """
    path = output if output is not None else run.report_path
    facts = _Gatherer(run).gather(with_faces=with_faces)
    write_text(path, draw_report(facts))
    return {
        "run_dir": str(run.path),
        "report": str(path),
        "bytes": path.stat().st_size,
        "finished": facts.is_finished,
        "problems": list(facts.problems),
    }


class _Gatherer:
    """Reads a run directory; of what cannot be read, a sentence is kept."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._raw = read_json(run.config_path)
        self._settings = parse_settings(self._raw, str(run.config_path))
        self._problems: list[str] = []
        self._videos: list[Video] = []

    def gather(self, *, with_faces: bool) -> Facts:
        """Return everything that the report tells."""
        run, settings = self._run, self._settings
        if run.manifest_path.exists():
            self._videos = self._tried(lambda: read_manifest(run.manifest_path)) or []
        tally, faces = self._look_at_videos(with_faces=with_faces)
        splits = self._splits()
        cards = self._records(run.model_path, partial(read_card, run))
        searches = self._records(
            run.search_path,
            lambda name: read_record(run.search_path(name), *SEARCH_KEYS),
        )
        evaluation = self._evaluation()
        samples = read_samples(run.usage_dir)
        faults = read_faults(run, samples, settings.extract.max_deaths)
        changed = changed_settings(settings)
        return Facts(
            name=run.path.name,
            path=str(run.path),
            settings=self._raw,
            changed=[(key, option_value(value)) for key, value in changed.items()],
            recipe=as_recipe(changed, str(settings.data.path)),
            stages=self._stages(tally, cards, searches, evaluation),
            version=__version__,
            manifest=self._manifest(splits),
            tally=tally,
            faces=faces,
            splits=splits,
            cards=cards,
            searches=searches,
            evaluation=evaluation,
            curves=self._curves(evaluation),
            on=(evaluation and self._tried(lambda: read_results(run))) or [],
            robustness=evaluation and self._robustness(evaluation),
            pictures=self._pictures(),
            usage=self._tried(lambda: read_report(run, samples)),
            timeline=timeline(samples),
            faults=faults,
            problems=[*self._problems, *faults["problems"]],
        )

    def _tried(self, read: Callable[[], Found]) -> Found | None:
        try:
            return read()
        except (DfhpcError, OSError) as error:
            if str(error) not in self._problems:
                self._problems.append(str(error))
            return None

    def _records(
        self, path_of: Callable[[str], Path], read: Callable[[str], Json]
    ) -> dict[str, Json]:
        """Return a record of each model that has one."""
        found = {}
        for training in self._settings.trainings():
            if path_of(training.model_id).exists():
                record = self._tried(partial(read, training.model_id))
                if record is not None:
                    found[training.model_id] = record
        return found

    def _evaluation(self) -> Json | None:
        if not self._run.evaluation_path.exists():
            return None
        return self._tried(lambda: read_evaluation(self._run, *EVALUATION_KEYS))

    def _splits(self) -> list[SplitFacts]:
        found = [
            self._tried(partial(read_split, self._run, variant, self._videos))
            for variant in self._settings.variants()
        ]
        return [split for split in found if split is not None]

    def _manifest(self, splits: Sequence[SplitFacts]) -> Json | None:
        if not self._videos:
            return None
        return summarize_manifest(self._videos, splits[0].part_of if splits else {})

    def _look_at_videos(
        self, *, with_faces: bool
    ) -> tuple[Json | None, dict[str, list[Face]]]:
        """Return what became of the videos so far, and faces of each class."""
        run, videos = self._run, self._videos
        if not videos or not (run.store_path / "zarr.json").exists():
            return None, {}
        layout = self._tried(lambda: _layout_of(run, videos))
        if layout is None:
            return None, {}
        tally, gallery = RunTally(layout.frames_per_video), Gallery()
        for shots in iter_reviewed(run, layout, self._problems.append):
            video = videos[shots[0].position]
            tally.add(video, shots)
            gallery.add(video, shots)
        done = len(done_partitions(run, layout.num_partitions))
        partitions = {"done": done, "total": layout.num_partitions}
        found = tally.to_json() | {"partitions": partitions}
        if not with_faces or not done:
            return found, {}
        room = Darkroom(run, videos, self._settings.extract, self._problems.append)
        return found, {
            LABEL_NAMES[label]: list(develop(room, shots))
            for label, shots in gallery.chosen().items()
        }

    def _stages(
        self,
        tally: Json | None,
        cards: Mapping[str, Json],
        searches: Mapping[str, Json],
        evaluation: Json | None,
    ) -> list[Json]:
        """Return how far each stage is; a model may have come after the evaluation."""
        trainings = self._settings.trainings()
        ids = {training.model_id for training in trainings}
        grids = [t for t in trainings if t.name in self._settings.search.grids]
        partitions = (tally or {}).get("partitions", {"done": 0, "total": 1})
        extracted, total = partitions["done"], partitions["total"]
        if extracted == total and not self._run.extracted_path.exists():
            # The small arrays of the store are still to come.
            extracted -= 1
        rows = (
            ("scan", int(bool(self._videos)), 1, "manifest"),
            ("extract", extracted, total, "partition"),
            ("search", len(searches), len(grids), "model"),
            ("train", len(cards), len(ids), "model"),
            ("evaluate", len(ids & _evaluated(evaluation)), len(ids), "model"),
        )
        names = ("stage", "done", "total", "unit")
        return [dict(zip(names, row, strict=True)) for row in rows if row[2]]

    def _curves(self, evaluation: Json | None) -> dict[str, ModelCurves]:
        found: dict[str, ModelCurves] = {}
        variants = self._settings.variants()
        for variant, result in zip(variants, _results(evaluation), strict=False):
            scores = self._tried(
                partial(read_test_scores, self._run, variant.suffix, self._videos)
            )
            if scores is None:
                continue
            frames, seed = scores
            for name in result["models"]:
                if name in frames.scores and len(frames.rows):
                    found[name] = ModelCurves(**curves_of(frames, name, seed))
        return found

    def _robustness(self, evaluation: Json) -> Json | None:
        """Return what becomes of scores, None where that was of earlier models."""
        path = self._run.robustness_path
        if not path.exists():
            return None
        keys = ("models_hash", "videos", "baseline", "kinds", "notes")
        found = self._tried(lambda: read_record(path, *keys))
        is_current = found and found["models_hash"] == evaluation["models_hash"]
        return found if is_current else None

    def _pictures(self) -> dict[str, str]:
        """Return the figures that the stages have drawn, as data URIs by file name."""
        run = self._run
        paths = {
            path.name: path
            for folder, pattern in (
                (run.evaluation_dir, "rows*.png"),
                (run.search_dir, "*.png"),
            )
            for path in folder.glob(pattern)
        }
        for path in run.models_dir.glob("*/history.png"):
            paths[f"{path.parent.name}/history.png"] = path
        return {
            name: data_uri(path.read_bytes())
            for name, path in sorted(paths.items())
            if path.stat().st_size <= MOST_PICTURE_BYTES
        }


def _layout_of(run: RunDirectory, videos: Sequence[Video]) -> StoreLayout:
    layout = store_layout(open_store(run.store_path))
    refuse_other_manifest(run.store_path, layout, videos)
    return layout


def _results(evaluation: Json | None) -> list[Json]:
    """Return the results of the run's split, then of the one beside it."""
    found = [evaluation, (evaluation or {}).get("beside")]
    return [result for result in found if result is not None]


def _evaluated(evaluation: Json | None) -> set[str]:
    return {name for result in _results(evaluation) for name in result["models"]}
