"""What ``model.json`` must hold, checked where it is read."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from dfhpc.errors import RunDirectoryError
from dfhpc.models.base import CARD_KEYS
from dfhpc.runs import RunDirectory, read_record


class _Shape(BaseModel):
    """What is read must be there and of its kind; there may be more."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Data(_Shape):
    path: str | None
    layout: str
    compression: str | None
    methods: list[str] | None


class _Extract(_Shape):
    frames_per_video: int
    faces: str
    choose: str


class _Settings(_Shape):
    data: _Data
    extract: _Extract


class _Split(_Shape):
    kind: str
    seed: int
    leaky: bool


class _Faces(_Shape):
    real: NonNegativeInt
    fake: NonNegativeInt


class _Kind(_Shape):
    kind: str


class _Trained(_Shape):
    about: str = ""
    data: str
    layout: str
    compression: str | None
    methods: list[str]
    videos: int | None
    real: int | None
    fake: int | None
    groups: int | None
    groups_known: bool


class _Range(_Shape):
    low: float
    high: float


class _Card(_Shape):
    settings: _Settings
    model: _Kind
    split: _Split
    faces: _Faces
    files: dict[str, str]
    history: dict[str, Any]
    quality: dict[str, _Range] = {}
    versions: dict[str, str | None] = {}
    trained: _Trained = Field(default_factory=_Trained.model_construct)
    """Absent where an older dfhpc trained the model."""


def read_card(run: RunDirectory, model_id: str) -> dict[str, Any]:
    """Return what ``model.json`` says of a model.

    Raises
    ------
    RunDirectoryError
        When it is absent, or is not as dfhpc writes it.
    """
    path = run.model_path(model_id)
    card = read_record(path, *CARD_KEYS)
    try:
        _Card.model_validate(card)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RunDirectoryError(
            f"{path} is damaged ({place}: {first['msg']}); delete {path.parent} and "
            f"run `dfhpc train {run.path}`."
        ) from None
    return card
