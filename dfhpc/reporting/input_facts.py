"""What is known of a file that was judged, as lines of a table."""

from collections.abc import Callable, Mapping
from typing import Any


def _size(value: float) -> str:
    """Return a size for people.

    >>> _size(2_345_678), _size(900)
    ('2.3 MB (2,345,678 bytes)', '900 bytes')
    """
    exact = f"{value:,.0f} bytes"
    return f"{value / 1e6:.1f} MB ({exact})" if value >= 1e5 else exact


FACTS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "sha256": ("SHA-256 of the file", str),
    "bytes": ("Size", _size),
    "container": ("Container", str),
    "codec": ("Codec", str),
    "fps": ("Frames a second", lambda value: f"{value:g}"),
    "num_frames": ("Frames in the file", lambda value: f"{value:,}"),
    "duration_s": ("Duration", lambda value: f"{value:.2f} s"),
    "frames_asked": ("Frames looked for", str),
    "frames_used": ("Frames used", str),
    "num_damaged_packets": ("Damaged packets", str),
    "num_corrupt_frames": ("Damaged frames among those decoded", str),
    "rotation": ("Rotation applied", lambda value: f"{value} degrees"),
    "is_truncated": ("File ends too early", lambda value: "yes" if value else "no"),
    "is_cut": ("Only a part was looked at", lambda value: "yes" if value else "no"),
}


def input_facts(verdict: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values; what is not known has a dash, what is more follows."""
    facts = dict(verdict["input"] or {})
    width, height = facts.pop("width", None), facts.pop("height", None)
    picture = f"{width} x {height} pixels" if width and height else "–"
    lines = [
        (name, "–" if facts[key] in (None, "") else show(facts[key]))
        for key, (name, show) in FACTS.items()
        if key in facts
    ]
    at = next((i for i, (name, _) in enumerate(lines) if name == "Codec"), -1) + 1
    lines.insert(at, ("Picture", picture))
    return lines + [
        (plain_key(key), plain(value))
        for key, value in facts.items()
        if key not in FACTS
    ]


def plain_key(key: str) -> str:
    """Return the name of a setting as words.

    >>> plain_key("pixel_format")
    'Pixel format'
    """
    return key.replace("_", " ").capitalize()


def plain(value: Any) -> str:
    """Return a JSON value as text.

    >>> plain({"a": True, "b": [1, 2]}), plain(None)
    ('a: yes; b: 1, 2', '–')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(plain(inner) for inner in value)
    return str(value)
