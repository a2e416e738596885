"""What ``evaluation.json`` must hold, checked where it is read."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    ValidationError,
    model_validator,
)

from dfhpc.errors import RunDirectoryError
from dfhpc.probability_maps import GRID
from dfhpc.runs import RunDirectory, read_record

ROUNDING = 1e-9
"""Sums of shares may be above one by the last digit of a float."""

Share = Annotated[float, Field(ge=-ROUNDING, le=1 + ROUNDING)]
NotNegative = Annotated[float, Field(ge=-ROUNDING)]
Pair = Annotated[list[Share], Field(min_length=2, max_length=2)]
Curve = Annotated[list[Share], Field(min_length=len(GRID), max_length=len(GRID))]
Counts = Annotated[list[NonNegativeInt], Field(min_length=2, max_length=2)]


class _Shape(BaseModel):
    """What is read must be there and of its kind; there may be more."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class _Interval(_Shape):
    low: Curve
    high: Curve


class _Platt(_Shape):
    kind: Literal["platt"]
    slope: Annotated[float, Field(ge=0)]
    intercept: float
    interval: _Interval


class _Isotonic(_Shape):
    kind: Literal["isotonic"]
    logit: Annotated[list[float], Field(min_length=1)]
    probability: Annotated[list[Share], Field(min_length=1)]
    interval: _Interval

    @model_validator(mode="after")
    def _rises(self) -> Self:
        steps = (self.logit, self.probability)
        if any(values != sorted(values) for values in steps):
            raise ValueError("its steps do not rise")
        if len(self.logit) != len(self.probability):
            raise ValueError("its steps are not as many as their probabilities")
        return self


class _NoMap(_Shape):
    kind: Literal["none"]
    why: str


class _Fitted(_Shape):
    videos: NonNegativeInt
    real: NonNegativeInt
    fake: NonNegativeInt
    groups: NonNegativeInt


class _Rates(_Shape):
    fpr: Share | None
    fpr_95: Pair | None
    tpr: Share | None
    tpr_95: Pair | None
    tnr: Share | None
    fnr: Share | None
    real: NonNegativeInt
    fake: NonNegativeInt


class _Threshold(_Shape):
    value: Share
    band: Pair
    false_positive_rate_asked: Share
    calibration: _Rates | None
    test: _Rates | None

    @model_validator(mode="after")
    def _is_band(self) -> Self:
        if self.band[0] > self.band[1]:
            raise ValueError("its band ends before it begins")
        return self


class _Bin(_Shape):
    mean_probability: Share
    share_fake: Share
    videos: NonNegativeInt


class _Quality(_Shape):
    brier: Share
    ece: Share
    bins: list[_Bin]
    videos: NonNegativeInt


class _Probabilities(_Shape):
    """How the scores of one model are read."""

    map: Annotated[_Platt | _Isotonic | _NoMap, Field(discriminator="kind")]
    fitted_on: _Fitted
    threshold: _Threshold
    calibration: _Quality | None
    test: _Quality | None
    model_digest: str

    @model_validator(mode="after")
    def _has_videos(self) -> Self:
        if self.map.kind != "none" and not self.fitted_on.videos:
            raise ValueError("it is fitted on no video")
        return self


class _Class(_Shape):
    precision: Share
    recall: Share
    f1: Annotated[Share, Field(alias="f1-score")]


class _Classes(_Shape):
    real: _Class
    fake: _Class


class _Level(_Shape):
    num_real: NonNegativeInt
    num_fake: NonNegativeInt
    accuracy: Share | None
    roc_auc: Share | None
    average_precision: Share | None
    equal_error_rate: Share | None
    brier: Share | None
    log_loss: NotNegative | None
    confusion: Annotated[list[Counts], Field(min_length=2, max_length=2)]
    intervals_95: dict[str, Pair | None]
    report: _Classes


class _Part(_Shape):
    frame: _Level
    video: _Level
    methods: dict[str, dict[str, dict[str, Any]]]


class _Split(_Shape):
    kind: str
    seed: int
    leaky: bool


class _Result(_Shape):
    """What the models of one split are worth."""

    models: dict[str, dict[str, _Part]]
    probabilities: dict[str, _Probabilities] = {}
    split: _Split = _Split(kind="", seed=0, leaky=False)
    audit: dict[str, Any] = {}
    not_scored: dict[str, int] = {}


class _Evaluation(_Result):
    models_hash: str = ""
    beside: _Result | None = None
    costs: dict[str, Any] = {}


def read_evaluation(run: RunDirectory, *keys: str) -> dict[str, Any]:
    """Return what ``evaluation.json`` of a run holds.

    Raises
    ------
    RunDirectoryError
        When it is absent, lacks one of ``keys``, or is not as dfhpc writes it.
    """
    path = run.evaluation_path
    found = read_record(path, *keys)
    try:
        _Evaluation.model_validate(found)
    except ValidationError as error:
        raise RunDirectoryError(_sentence(run, path, error)) from None
    return found


def _sentence(run: RunDirectory, path: Path, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return (
        f"{path} is damaged, or of another dfhpc ({place}: {message}); delete it "
        f"and run `dfhpc evaluate {run.path}`."
    )
