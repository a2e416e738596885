"""When a verdict is given and when not: the table [verdict] of a recipe."""

from typing import Annotated, Literal

from pydantic import Field

from dfhpc.model_configs import Section


class VerdictConfig(Section):
    """What is asked of a video before it is called fake or real.

    It may change after training: models and scores stay as they are.
    """

    false_positive_rate: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Share of real videos that may be called fake, and of fakes that may be called
    real. The calibration part sets the threshold by it."""
    min_face_px: Annotated[int, Field(ge=1)] = 60
    """Shorter side of the face's box, median over a person's faces. The published
    detectors state 64 to 80; 60 is what ``extract`` looks for first."""
    min_blur: Annotated[float, Field(ge=0)] = 15.0
    """Sharpness as in ``faces/quality.py``, median over a person's faces: some 300 in
    sharp faces, below 20 in blurred ones."""
    max_disagreement: Annotated[float, Field(gt=0, le=0.5)] = 0.4
    """Share of a person's faces that may speak against the mean of all."""
    quality_tolerance: Annotated[float, Field(ge=1)] = 2.0
    """How many times smaller, larger, blurrier, sharper, darker or nearer to white than
    99 % of the training faces those of a video may be."""
    without_calibration: Literal["abstain", "wide_band"] = "abstain"
    """What is said where a model is not calibrated, so that nobody knows how often it
    is wrong: nothing, or what the score says outside a wide band."""
