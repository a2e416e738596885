"""What a search tries of a model: every combination of its grid's values."""

import itertools
from collections.abc import Mapping, Sequence

import pydantic

from dfhpc.model_configs import CnnConfig, ModelConfig
from dfhpc.search_config import GridValue

Grid = Mapping[str, Sequence[GridValue]]


def candidates(own: ModelConfig, grid: Grid) -> list[ModelConfig]:
    """Return the settings to try of a model, the last key varying fastest."""
    return [
        type(own).model_validate(
            own.model_dump() | dict(zip(grid, values, strict=True))
        )
        for values in itertools.product(*grid.values())
    ]


def check_grid(name: str, own: ModelConfig, grid: Grid) -> None:
    """Find out whether a search can try what a grid holds.

    Raises
    ------
    ValueError
        When a key or a value is none of the model's, or some do not go together.
    """
    fields = set(type(own).model_fields) - {"kind"}
    for key, values in grid.items():
        if key not in fields:
            raise ValueError(
                f"search.grids.{name}.{key} is no setting of {name}; known: "
                f"{', '.join(sorted(fields))}"
            )
        for value in values:
            _check_value(name, own, key, value)
    if isinstance(own, CnnConfig):
        _check_patience(name, own, grid)
    _check_together(name, own, grid)


def _check_value(name: str, own: ModelConfig, key: str, value: GridValue) -> None:
    """Refuse a value that a model's setting cannot have."""
    try:
        type(own).model_validate(own.model_dump() | {key: value})
    except pydantic.ValidationError as error:
        found = [one["msg"] for one in error.errors() if key in one["loc"]]
        if not found:
            # It does not go with the model's own settings; another key may mend it.
            return
        message = " or ".join(dict.fromkeys(found)).replace("Input should be ", "")
        raise ValueError(
            f"search.grids.{name}.{key} holds {value!r}; it should be {message}"
        ) from None


def _check_patience(name: str, own: CnnConfig, grid: Grid) -> None:
    """Refuse to end early in a search: its folds have nothing to tell when."""
    if "patience" not in grid and own.patience is None:
        return
    where = f"search.grids.{name}" if "patience" in grid else name
    raise ValueError(
        f"{where} has patience, and the folds that search.grids.{name} is tried on "
        "have no calibration part to tell when to end; leave patience out"
    )


def _check_together(name: str, own: ModelConfig, grid: Grid) -> None:
    try:
        candidates(own, grid)
    except pydantic.ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(
            f"search.grids.{name} has settings that do not go together: {message}"
        ) from None
