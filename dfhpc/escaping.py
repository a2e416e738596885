"""Text that no terminal and no reader takes for anything but its letters."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf"})
"""Controls, which a terminal obeys, and marks that turn around or hide letters."""


def escaped(text: str) -> str:
    r"""Return ``text`` with its control and formatting characters as ``\uXXXX``.

    As JSON writes them, so that JSON stays what it is.

    >>> print(escaped("a\u202egpj.mp4"), escaped("a\x1b[2J\n"))
    a\u202egpj.mp4 a\u001b[2J\u000a
    """
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if unicodedata.category(letter) not in _HIDDEN:
        return letter
    units = letter.encode("utf-16-be")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in pairs)
