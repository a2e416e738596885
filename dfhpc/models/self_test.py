"""The self-test that each saved model carries: a few rows, and their scores.

A new version of a library, or another processor, may change scores without an error.
A model that no longer gives its own training rows the scores they had is refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import ModelError
from dfhpc.model_configs import ModelConfig
from dfhpc.models.base import (
    TRAINING_ROWS_NAME,
    Model,
    Scores,
    TrainingRows,
    get_trainer,
    load_model,
)
from dfhpc.models.files import load_arrays, save_arrays
from dfhpc.runs import RunDirectory, read_record
from dfhpc.store.reading import Pixels, RowReader, Rows
from dfhpc.versions import library_versions

SELF_TEST_NAME = "self_test.npz"

ROWS_A_CLASS = 2
"""What changes a score changes all of them; and each row that an rbf machine scores is
multiplied with every support row, a verdict's time being one or two seconds in all."""

DIGITS = 6

TOLERANCE = 1e-3
"""Largest difference of a score that is let pass.

The models here are sums in float64 and differ by 1e-12 between processors; a network
in float32 differs by up to 1e-5. What a change of a library does to scores, by other
colors, another scale or other weights, is a hundred times this. And no verdict hangs
on a thousandth: the band of no decision is wider.
"""


@dataclass(frozen=True)
class SelfTest:
    """How a self-test ended: it passed, or ModelError was raised."""

    rows: int
    largest_difference: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "passed": True,
            "rows": self.rows,
            "largest_difference": self.largest_difference,
        }


def write_self_test(run_dir: Path, model_id: str, config: ModelConfig) -> None:
    """Score some training rows of a model that is just trained, and keep both."""
    run = RunDirectory(run_dir)
    model_dir = run.model_dir(model_id)
    rows = choose_rows(TrainingRows.load(model_dir / TRAINING_ROWS_NAME))
    parts = RowReader(run.store_path).iter_partitions(rows)
    pixels = np.concatenate([block for _, block in parts])
    scores = get_trainer(model_id, config).load(model_dir).score(pixels)
    # What threads and processors change is cut off, so that a model trained twice has
    # the same bytes.
    arrays = {"rows": rows, "pixels": pixels, "scores": scores.round(DIGITS)}
    save_arrays(model_dir / SELF_TEST_NAME, arrays)


def choose_rows(training: TrainingRows) -> Rows:
    """Return rows of both classes, evenly spaced, ascending."""
    chosen = []
    for label in (0, 1):
        own = training.rows[training.labels == label]
        places = np.linspace(0, len(own) - 1, min(ROWS_A_CLASS, len(own)))
        chosen.append(own[np.unique(places.round().astype(np.int64))])
    return np.sort(np.concatenate(chosen))


class CheckedModel:
    """A trained model that gives no score before it has passed its self-test.

    Its test rows are scored together with the first rows that it is asked for: what
    reads the whole store for a score does so once.
    """

    def __init__(self, run: RunDirectory, model_id: str) -> None:
        """Load the model; raises ModelError as ``load_model`` does."""
        self.model: Model = load_model(run, model_id)
        self._run, self._id = run, model_id
        self._result: SelfTest | None = None
        card = read_record(run.model_path(model_id), "files", "model")
        self._is_due = SELF_TEST_NAME in card["files"]
        self._kind: str = card["model"]["kind"]
        self._versions: dict[str, str] = card.get("versions", {})

    def score(self, rows: Pixels) -> Scores:
        """Return P(fake) of each row of (n, 307200).

        Raises
        ------
        ModelError
            When the model fails its self-test.
        """
        if not self._is_due:
            return self.model.score(rows)
        arrays = load_arrays(self._run.model_dir(self._id) / SELF_TEST_NAME)
        pixels, expected = arrays["pixels"], arrays["scores"]
        scores = self.model.score(np.concatenate([pixels, rows]))
        self._compare(scores[: len(pixels)], expected)
        self._is_due = False
        return scores[len(pixels) :]

    def self_test(self) -> SelfTest | None:
        """Return how the self-test ended; None where an older dfhpc kept none.

        Raises
        ------
        ModelError
            When the model fails it.
        """
        if self._is_due:
            self.score(np.zeros((0, ROW_LENGTH), np.uint8))
        return self._result

    def _compare(self, found: Scores, expected: Scores) -> None:
        difference = float(np.abs(found - expected).max())
        # A score that is no number is no small difference.
        if not difference <= TOLERANCE:
            model_dir = self._run.model_dir(self._id)
            raise ModelError(
                f"Model {self._id} fails its self-test: its scores of "
                f"{len(expected)} of its own training rows differ by up to "
                f"{difference:.3g} from those of the day it was trained, and "
                f"{TOLERANCE:g} is allowed. {self._changes()} Install the versions it "
                f"was trained with, or delete {model_dir} and train it again."
            )
        self._result = SelfTest(len(expected), difference)

    def _changes(self) -> str:
        now = library_versions(self._kind)
        then = self._versions
        changed = [
            f"{name} {then[name]}, now {now.get(name, 'none')}"
            for name in then
            if name in now and then[name] != now[name]
        ]
        if changed:
            return f"It was trained with {'; '.join(changed)}."
        return "The libraries are as they were, so the processor or dfhpc is not."
