"""Lengths of time as people and batch systems write them."""

import math
import re

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WITH_UNITS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_WITH_COLONS = re.compile(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?")

HOW_TO_WRITE = 'write a time as "8h", "1d12h", "90m" or "12:00:00"'


def parse_duration(text: str) -> int:
    """Return seconds; ``HH:MM`` is hours and minutes, ``D-HH:MM:SS`` is SLURM's.

    >>> parse_duration("1d12h"), parse_duration("90m"), parse_duration("12:30")
    (129600, 5400, 45000)
    >>> parse_duration("1-00:00:30")
    86430

    Raises
    ------
    ValueError
        Saying how a duration is written.
    """
    compact = text.replace(" ", "")
    colons = _WITH_COLONS.fullmatch(compact)
    units = _WITH_UNITS.fullmatch(compact)
    match = colons or units
    if not compact or match is None:
        raise ValueError(f"{text!r} is no length of time; {HOW_TO_WRITE}")
    parts = (int(part or 0) for part in match.groups())
    seconds = sum(n * unit for n, unit in zip(parts, _UNITS.values(), strict=True))
    if seconds == 0:
        raise ValueError(f"{text!r} is no time at all; {HOW_TO_WRITE}")
    return seconds


def format_duration(seconds: int) -> str:
    """Return what ``parse_duration`` reads.

    >>> format_duration(129600)
    '1d12h'
    """
    text = ""
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def slurm_duration(seconds: int) -> str:
    """Return ``D-HH:MM:SS``, which leaves no doubt about minutes and hours.

    >>> slurm_duration(129600)
    '1-12:00:00'
    """
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    return f"{days}-{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"


def lsf_duration(seconds: int) -> str:
    """Return ``HH:MM``, rounded up: LSF knows no seconds.

    >>> lsf_duration(129600), lsf_duration(61)
    ('36:00', '00:02')
    """
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
