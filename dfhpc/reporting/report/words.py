"""Numbers as the report words them; what nobody measured is a dash."""

from collections.abc import Sequence

MEGABYTE = 1024**2


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many digits behind the point.

    >>> number(0.85306), number(None)
    ('0.853', '-')
    """
    return "-" if value is None else f"{value:.{digits}f}"


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """Return a number and its 95 % interval, where there is one.

    >>> with_interval(0.8, [0.71, 0.886])
    '0.800 [0.71, 0.89]'
    """
    if value is None or interval is None:
        return number(value)
    return f"{number(value)} [{interval[0]:.2f}, {interval[1]:.2f}]"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage.

    >>> percent(0.99766, 2)
    '99.77 %'
    """
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def count(amount: int, one: str, many: str = "") -> str:
    """Return an amount of things, in figures.

    >>> count(1, "video"), count(2000, "video"), count(2, "class", "classes")
    ('1 video', '2,000 videos', '2 classes')
    """
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def seconds(value: float | None) -> str:
    """Return a length of time in seconds, as LSF and work B have it."""
    return "-" if value is None else f"{value:,.0f} s"


def megabytes(value: float | None) -> str:
    """Return an amount of memory in LSF's MB, of 1024 * 1024 bytes."""
    return "-" if value is None else f"{value / MEGABYTE:,.0f} MB"


def listed(words: Sequence[str], most: int = 8) -> str:
    """Return words as a list within a sentence, cut where they are many.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=2)
    ('a, b and c', 'a, b and 1 more')
    """
    shown = list(words[:most])
    hidden = len(words) - len(shown)
    shown += [f"{hidden:,} more"] if hidden else []
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)
