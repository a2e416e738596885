"""What a section of the report is made of; each has a template of its kind.

Texts are plain: the templates escape them. Between backticks stands code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

WIDE = 9
"""Columns that a printed page holds in letters of the usual size."""

SHORT = 16
"""Rows of a table that is not cut when it is printed."""


@dataclass(frozen=True)
class Text:
    """A paragraph; ``tone`` is "", "lead", "note" or "warning"."""

    kind: ClassVar[str] = "text"
    sentence: str
    tone: str = ""

    @property
    def parts(self) -> list[str]:
        """Plain text and code in turn; a percent sign stays with its number."""
        return self.sentence.replace(" %", "\u00a0%").split("`")


@dataclass(frozen=True)
class Items:
    """Sentences as a list."""

    kind: ClassVar[str] = "items"
    sentences: Sequence[str]


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Table:
    """A table, the first ``heads`` cells of a row being its heading."""

    kind: ClassVar[str] = "table"
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    """Columns that are set flush right."""
    heads: int = 1

    @property
    def is_wide(self) -> bool:
        """Whether it needs smaller letters on paper."""
        return len(self.header) > WIDE

    @property
    def is_short(self) -> bool:
        """Whether it may be kept on one printed page."""
        return len(self.rows) <= SHORT


@dataclass(frozen=True)
class Drawing:
    """An SVG that dfhpc drew, the only markup that is not escaped."""

    kind: ClassVar[str] = "drawing"
    svg: str
    caption: str


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI, at least ``width`` pixels wide where it scrolls."""

    kind: ClassVar[str] = "picture"
    uri: str
    alt: str
    caption: str
    width: int = 0


@dataclass(frozen=True)
class Face:
    """A small picture of a face, with the lines below it."""

    uri: str
    alt: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Faces:
    """A contact sheet of one class."""

    kind: ClassVar[str] = "faces"
    title: str
    label: str
    faces: Sequence[Face]


@dataclass(frozen=True)
class Code:
    """Lines to read as they are, or to paste into a shell."""

    kind: ClassVar[str] = "code"
    title: str
    text: str


@dataclass(frozen=True)
class Folded:
    """Blocks that a reader opens."""

    kind: ClassVar[str] = "folded"
    title: str
    blocks: "Sequence[Block]"


@dataclass(frozen=True)
class Beside:
    """Blocks side by side, where the screen is wide enough."""

    kind: ClassVar[str] = "beside"
    blocks: "Sequence[Block]"
    least: int = 20
    """Width of each, at least, in letters."""


Block = (
    Text | Items | Heading | Table | Drawing | Picture | Faces | Code | Folded | Beside
)


@dataclass(frozen=True)
class Section:
    """A section of the report; ``id`` is what the table of contents links to."""

    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)


def numeric(*columns: int) -> frozenset[int]:
    """Return the columns that are set flush right."""
    return frozenset(columns)


def from_column(first: int, header: Sequence[str]) -> frozenset[int]:
    """Return the columns of ``header`` from the ``first`` on."""
    return frozenset(range(first, len(header)))
