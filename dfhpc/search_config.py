"""What is searched for before training: the table [search] of a recipe."""

from typing import Annotated, Literal

from pydantic import Field

from dfhpc.model_configs import Section, Seed

GridValue = bool | int | float | str
GridValues = Annotated[tuple[GridValue, ...], Field(min_length=1)]


class SearchConfig(Section):
    """Which settings of which models are tried on folds, to train with the best."""

    folds: Annotated[int, Field(ge=2, strict=True)] = 5
    """Of the training part, by group, so that no person is on both sides."""
    measure: Literal["accuracy", "roc_auc"] = "accuracy"
    """What the best settings have most of, on frames, on the mean over folds."""
    seed: Seed = 42
    grids: dict[str, dict[str, GridValues]] = {}
    """By model, the values to try of each of its settings; all combinations are."""
