"""Letters on pictures: a font that is there, and text cut to its place."""

import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

DOTS = "…"


@functools.cache
def font(size: int) -> "Font":
    """Return DejaVu Sans, which comes with Matplotlib and knows most alphabets.

    Else Pillow's own font, which knows Latin letters alone.
    """
    from PIL import ImageFont

    # Matplotlib itself takes a third of a second to import.
    spec = importlib.util.find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
        try:
            return ImageFont.truetype(str(folder / "DejaVuSans.ttf"), size)
        except OSError:
            pass
    return ImageFont.load_default(size)


def printable(text: str) -> str:
    r"""Return ``text`` on one line, without what is no character.

    >>> printable("a\nb\udcff")
    'a b?'
    """
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "?"
        for letter in text
    )


def width_of(text: str, size: int) -> float:
    """Return the width of ``text`` in pixels."""
    return font(size).getlength(text)


def shortened(text: str, width: int, size: int) -> str:
    """Return ``text``, cut to ``width`` pixels: of a long one, its end.

    The end of an id is the file, which tells more than the folders before it.
    """
    text = printable(text)
    if width_of(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(DOTS + text[-middle:], size) <= width:
            low = middle
        else:
            high = middle - 1
    return DOTS + text[len(text) - low :]


def wrapped(text: str, width: int, size: int, most: int) -> list[str]:
    """Return ``text`` as at most so many lines of at most ``width`` pixels."""
    lines: list[str] = []
    width -= round(width_of(f" {DOTS}", size))
    for word in printable(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(word, width, size))
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} {DOTS}"]
    return lines
