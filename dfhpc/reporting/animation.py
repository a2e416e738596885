"""An animated preview: GIF, which every viewer, browser and mail program plays."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfhpc.reporting.lettering import font, shortened
from dfhpc.reporting.marking import (
    CHOSEN_COLOR,
    OTHER_COLOR,
    OUTLINE_COLOR,
    POINT_COLOR,
)
from dfhpc.runs import atomic_path

if TYPE_CHECKING:
    from PIL import Image

SIZE = (480, 480)
FRAME_MS = 600
STRIP, TEXT = 22, 14
MARK_COLORS = (CHOSEN_COLOR, OTHER_COLOR, POINT_COLOR, OUTLINE_COLOR, "#ffffff")


def save_animation(
    path: Path, pictures: Sequence["Image.Image"], captions: Sequence[str]
) -> None:
    """Write pictures with a line of text each as an endless GIF, whole or not."""
    width = max(picture.width for picture in pictures)
    height = max(picture.height for picture in pictures)
    frames = [
        _frame(picture, caption, (width, height))
        for picture, caption in zip(pictures, captions, strict=True)
    ]
    with atomic_path(path) as tmp:
        frames[0].save(
            tmp,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=FRAME_MS,
            loop=0,
        )


def _frame(
    picture: "Image.Image", caption: str, size: tuple[int, int]
) -> "Image.Image":
    """Return one picture of the animation, in the 256 colors that suit it best."""
    from PIL import Image, ImageDraw

    width, height = size
    canvas = Image.new("RGB", (width, height + STRIP), "#000000")
    canvas.paste(picture, ((width - picture.width) // 2, height - picture.height))
    text = shortened(caption, width - 8, TEXT)
    ImageDraw.Draw(canvas).text((4, height + 2), text, "#ffffff", font(TEXT))
    return _reduced(canvas)


def _reduced(canvas: "Image.Image") -> "Image.Image":
    """Return a picture in 256 colors: those that suit it, and those of the marks."""
    from PIL import Image, ImageColor

    marks = [ImageColor.getrgb(color) for color in MARK_COLORS]
    suiting = canvas.quantize(256 - len(marks), Image.Quantize.MEDIANCUT).getpalette()
    assert suiting is not None
    palette = Image.new("P", (1, 1))
    own = suiting[: 3 * (256 - len(marks))]
    palette.putpalette([*own, *(part for mark in marks for part in mark)])
    return canvas.quantize(palette=palette)
