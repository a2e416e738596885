"""Charts as SVG: they scale, print, and say in words what they show.

Lines differ in dashes as well as in color (Okabe & Ito 2008), so that neither a gray
print nor color-blind eyes lose them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLORS = ("#0072b2", "#d55e00", "#007a5a", "#000000", "#b0568c", "#56b4e9", "#c98500")
DASHES = ("", "7 3", "2 3", "9 3 2 3")
MOST_LINES = 12
"""More in one chart cannot be told apart."""

MOST_POINTS = 240

INK, GRID, CHANCE = "#333333", "#d8d8d4", "#767676"
LEFT, RIGHT, TOP, BOTTOM = 46.0, 18.0, 10.0, 40.0
LEGEND_LINE = 17.0
LETTER = 6.4
"""Width in pixels of a letter of 12, about."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One axis: what it measures, from where to where, and its ticks."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    names: tuple[str, ...] = ()
    """Of the ticks, where they are no numbers."""

    def text(self, value: float) -> str:
        """Return a tick's label."""
        return self.names[self.ticks.index(value)] if self.names else f"{value:g}"


@dataclass(frozen=True)
class Line:
    """A line with its name in the legend."""

    name: str
    points: Sequence[Point]
    has_dots: bool = False
    is_stairs: bool = False
    """Whether a value holds until the next point."""


@dataclass(frozen=True)
class Band:
    """A stretch of the horizontal axis that is shaded and named."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Interval:
    """A named value, and from where to where it may be."""

    name: str
    value: float
    low: float | None
    high: float | None
    text: str
    color: str = COLORS[0]


def unit_axis(label: str) -> Axis:
    """Return an axis from 0 to 1."""
    return Axis(label, 0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


def axis_to(label: str, highest: float, low: float = 0.0) -> Axis:
    """Return an axis up to a round number at or above ``highest``.

    >>> axis_to("cores", 3.4).ticks
    (0.0, 1.0, 2.0, 3.0, 4.0)
    """
    span = max(highest - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span))
    step = next(s * power for s in (0.2, 0.5, 1.0, 2.0) if span / (s * power) <= 5)
    first = math.floor(low / step)
    last = max(math.ceil(highest / step - 1e-9), first + 1)
    ticks = tuple(round(i * step, 10) for i in range(first, last + 1))
    return Axis(label, ticks[0], ticks[-1], ticks)


def line_chart(
    title: str,
    description: str,
    lines: Sequence[Line],
    axes: tuple[Axis, Axis],
    *,
    size: tuple[int, int] = (420, 330),
    bands: Sequence[Band] = (),
    has_diagonal: bool = False,
) -> str:
    """Return lines over a horizontal and a vertical axis; the legend is below."""
    shown = list(lines)[:MOST_LINES]
    named = [line for line in shown if line.name]
    width, plot_height = size
    plot = _Plot(width, plot_height, *axes)
    body = [*plot.frame(), *(plot.band(i, band) for i, band in enumerate(bands))]
    if has_diagonal:
        body.append(plot.path([(0.0, 0.0), (1.0, 1.0)], CHANCE, "4 4", 1.5))
    for number, line in enumerate(shown):
        body += plot.line(line, *_style(number))
    for number, line in enumerate(named):
        body += _legend(line.name, plot_height + LEGEND_LINE * number, width, number)
    return _svg(title, description, width, plot_height + LEGEND_LINE * len(named), body)


def interval_chart(
    title: str, description: str, rows: Sequence[Interval], axis: Axis, width: int = 420
) -> str:
    """Return a dot a row, with its interval as a bar through it."""
    step, top = 40.0, 6.0
    height = int(top + step * len(rows) + BOTTOM)
    plot = _Plot(width, height, axis, Axis("", 0.0, 1.0, ()), left=RIGHT)
    body = [*plot.frame()]
    for number, row in enumerate(rows):
        y = top + step * number + 28
        body.append(_text(RIGHT, y - 13, row.name))
        body.append(_text(width - RIGHT, y - 13, row.text, "end"))
        if row.low is not None and row.high is not None:
            low, high = plot.x(row.low), plot.x(row.high)
            body.append(_line((low, y), (high, y), row.color, 4))
        body.append(
            f'<circle cx="{plot.x(row.value):.1f}" cy="{y:.1f}" r="5.5" '
            f'fill="{row.color}" stroke="#fff" stroke-width="1.5"/>'
        )
    return _svg(title, description, width, height, body)


class _Plot:
    """From values to pixels, with the frame around."""

    def __init__(
        self, width: int, height: int, x: Axis, y: Axis, left: float = LEFT
    ) -> None:
        self._horizontal, self._vertical = x, y
        self._left, self._right = left, width - RIGHT
        self._top, self._bottom = TOP, height - BOTTOM

    def x(self, value: float) -> float:
        axis = self._horizontal
        share = (value - axis.low) / (axis.high - axis.low)
        return self._left + share * (self._right - self._left)

    def y(self, value: float) -> float:
        axis = self._vertical
        share = (value - axis.low) / (axis.high - axis.low)
        return self._bottom - share * (self._bottom - self._top)

    def frame(self) -> list[str]:
        """Return grid, ticks and labels of both axes."""
        parts = []
        for tick in self._horizontal.ticks:
            x = self.x(tick)
            parts.append(_line((x, self._top), (x, self._bottom), GRID, 1))
            label = self._horizontal.text(tick)
            parts.append(_text(x, self._bottom + 15, label, "middle"))
        for tick in self._vertical.ticks:
            y = self.y(tick)
            parts.append(_line((self._left, y), (self._right, y), GRID, 1))
            parts.append(_text(self._left - 5, y + 4, self._vertical.text(tick), "end"))
        middle = (self._left + self._right) / 2
        parts.append(_text(middle, self._bottom + 33, self._horizontal.label, "middle"))
        if self._vertical.label:
            half = (self._top + self._bottom) / 2
            label = _text(0, 0, self._vertical.label, "middle")
            parts.append(
                f'<g transform="translate(12 {half:.1f}) rotate(-90)">{label}</g>'
            )
        return parts

    def band(self, number: int, band: Band) -> str:
        """Return a shaded stretch, its name at its top where there is room."""
        low, high = self.x(band.low), self.x(band.high)
        fill = ("#e9e9e6", "#d3e4ef")[number % 2]
        width, height = max(high - low, 0.5), self._bottom - self._top
        box = (
            f'<rect x="{low:.1f}" y="{self._top:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="{fill}" opacity="0.75">'
            f"<title>{escape(band.name)}</title></rect>"
        )
        if high - low < LETTER * len(band.name) + 4:
            return box
        return box + _text(low + 3, self._top + 12, band.name)

    def line(self, line: Line, color: str, dash: str) -> list[str]:
        """Return a line, and its dots if it has them."""
        points = thinned(line.points)
        if line.is_stairs:
            points = stairs(points)
        parts = [self.path(points, color, dash, 2)]
        if line.has_dots:
            parts += [
                f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4" '
                f'fill="{color}"/>'
                for x, y in points
            ]
        return parts

    def path(
        self, points: Sequence[Point], color: str, dash: str, stroke: float
    ) -> str:
        """Return a line through points."""
        at = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        return (
            f'<polyline points="{at}" fill="none" stroke="{color}" '
            f'stroke-width="{stroke}"{dashes} stroke-linejoin="round"/>'
        )


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most so many of the points, evenly, the first and the last among them.

    >>> thinned([(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)], most=3)
    [(0, 0), (2, 2), (4, 4)]
    """
    if len(points) <= most:
        return list(points)
    last = len(points) - 1
    return [points[round(i * last / (most - 1))] for i in range(most)]


def stairs(points: Sequence[Point]) -> list[Point]:
    """Return points whose value holds until the next one.

    >>> stairs([(0, 1), (1, 5)])
    [(0, 1), (1, 1), (1, 5)]
    """
    found = list(points[:1])
    for x, y in points[1:]:
        found += [(x, found[-1][1]), (x, y)]
    return found


def _style(number: int) -> tuple[str, str]:
    return COLORS[number % len(COLORS)], DASHES[number % len(DASHES)]


def _legend(name: str, y: float, width: int, number: int) -> list[str]:
    color, dash = _style(number)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    most = int((width - LEFT - 42 - RIGHT) / LETTER)
    short = name if len(name) <= most else f"{name[: most - 1]}…"
    return [
        f'<line x1="{LEFT}" x2="{LEFT + 34}" y1="{y + 8:.1f}" y2="{y + 8:.1f}" '
        f'stroke="{color}" stroke-width="2.5"{dashes}/>',
        _text(LEFT + 42, y + 12, short),
    ]


def _line(start: Point, end: Point, color: str, stroke: float) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" '
        f'y2="{end[1]:.1f}" stroke="{color}" stroke-width="{stroke}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">'
        f"{escape(text)}</text>"
    )


def _svg(
    title: str, description: str, width: int, height: float, body: Sequence[str]
) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {width} {height:.0f}" width="{width}" '
        f'height="{height:.0f}" font-size="12" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        + "".join(body)
        + "</svg>"
    )
