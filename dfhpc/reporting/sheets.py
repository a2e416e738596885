"""Contact sheets: pictures in a grid, each with its caption."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfhpc.constants import LABEL_FAKE, LABEL_REAL
from dfhpc.reporting.figures import FAKE_COLOR, REAL_COLOR
from dfhpc.reporting.lettering import font, shortened, wrapped
from dfhpc.runs import atomic_path

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

PAPER, INK, FAINT = "#ffffff", "#1a1a1a", "#d9d9d9"
CLASS_COLORS = {LABEL_REAL: REAL_COLOR, LABEL_FAKE: FAKE_COLOR}
UNKNOWN_COLOR = "#7f7f7f"
QUALITY = 90
"""Of the JPEG, without subsampling: letters and red lines stay sharp."""

GUTTER = 14
MIN_WIDTH = 800
BAR = 5
"""Width of the bar in the color of the class."""


@dataclass(frozen=True)
class Grid:
    """Sizes of a sheet, in pixels."""

    columns: int
    rows: int
    width: int
    """Of a picture."""
    height: int
    text: int
    """Size of letters."""
    lines: int
    """Of a caption."""

    @property
    def capacity(self) -> int:
        """Pictures on a sheet."""
        return self.columns * self.rows

    @property
    def size(self) -> tuple[int, int]:
        """Of a picture, as width and height."""
        return self.width, self.height

    @property
    def line_height(self) -> int:
        """Of a caption's line."""
        return self.text + 5

    @property
    def caption_height(self) -> int:
        """Of what is below a picture."""
        return 6 + self.lines * self.line_height


FRAMES = Grid(columns=4, rows=6, width=420, height=300, text=13, lines=3)
CROPS = Grid(columns=8, rows=6, width=180, height=180, text=11, lines=3)


@dataclass(frozen=True)
class Tile:
    """A picture, or a sentence in its place, and the lines below."""

    picture: "Image.Image | str"
    captions: tuple[str, ...]
    label: int

    def height_in(self, grid: Grid) -> int:
        """Return the height of the picture, or of the field of its sentence."""
        if isinstance(self.picture, str):
            return grid.height // 2
        return self.picture.height


def draw_sheet(
    title: str, legend: str, tiles: Sequence[Tile], grid: Grid
) -> "Image.Image":
    """Return a sheet of at most ``grid.capacity`` pictures, as high as they need."""
    from PIL import Image, ImageDraw

    # Wide enough for its heading, however few pictures there are.
    columns = min(grid.columns, max(len(tiles), -(-MIN_WIDTH // grid.width)))
    rows = [tiles[at : at + columns] for at in range(0, len(tiles), columns)]
    heights = [max(tile.height_in(grid) for tile in row) for row in rows]
    width = GUTTER + columns * (grid.width + GUTTER)
    notes = wrapped(legend, width - 2 * GUTTER, 14, 3)
    head = 2 * GUTTER + 26 + 20 * len(notes)
    height = head + sum(heights) + len(rows) * (grid.caption_height + GUTTER)
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    heading = shortened(title, width - 2 * GUTTER, 20)
    draw.text((GUTTER, GUTTER), heading, INK, font(20))
    for at, note in enumerate(notes):
        draw.text((GUTTER, GUTTER + 30 + 20 * at), note, INK, font(14))
    foot = head
    for row, row_height in zip(rows, heights, strict=True):
        foot += row_height
        for column, tile in enumerate(row):
            left = GUTTER + column * (grid.width + GUTTER)
            _draw_tile(sheet, draw, tile, (left, foot), grid)
        foot += grid.caption_height + GUTTER
    return sheet


def _draw_tile(
    sheet: "Image.Image",
    draw: "ImageDraw.ImageDraw",
    tile: Tile,
    foot: tuple[int, int],
    grid: Grid,
) -> None:
    """Draw a picture that stands on ``foot``, and its caption below."""
    left, bottom = foot
    top = bottom - tile.height_in(grid)
    if isinstance(tile.picture, str):
        edge = (left, top, left + grid.width - 1, bottom - 1)
        draw.rectangle(edge, fill=FAINT)
        most = grid.height // 2 // grid.line_height - 1
        lines = wrapped(tile.picture, grid.width - 24, grid.text, most)
        for at, line in enumerate(lines):
            place = (left + 12, top + 10 + at * grid.line_height)
            draw.text(place, line, INK, font(grid.text))
    else:
        indent = (grid.width - tile.picture.width) // 2
        sheet.paste(tile.picture, (left + indent, top))
    below = bottom + 4
    color = CLASS_COLORS.get(tile.label, UNKNOWN_COLOR)
    bar = (left, below, left + BAR - 1, below + grid.lines * grid.line_height - 3)
    draw.rectangle(bar, fill=color)
    for at, line in enumerate(tile.captions[: grid.lines]):
        text = shortened(line, grid.width - BAR - 5, grid.text)
        place = (left + BAR + 5, below + at * grid.line_height)
        draw.text(place, text, INK, font(grid.text))


def save_sheet(path: Path, sheet: "Image.Image") -> None:
    """Write a sheet as JPEG, whole or not at all."""
    with atomic_path(path) as tmp:
        sheet.save(tmp, format="JPEG", quality=QUALITY, subsampling=0)
