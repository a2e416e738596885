"""An animated preview: GIF, which every viewer, browser and mail program plays."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfhpc.reporting.lettering import font, shortened
from dfhpc.runs import atomic_path

if TYPE_CHECKING:
    from PIL import Image

SIZE = (480, 480)
FRAME_MS = 600
STRIP, TEXT = 22, 14


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
    return canvas.quantize(256, Image.Quantize.MEDIANCUT)
