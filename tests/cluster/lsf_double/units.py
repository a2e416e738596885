"""Memory and time as LSF writes them."""

import re

from tests.cluster.lsf_double.words import RefusedError

FACTORS = {"K": 2**-10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}
"""MB in each unit; LSF counts in powers of two."""


def parse_memory(text: str, unit: str, option: str) -> float:
    """Return MB; a bare number is in ``unit``.

    >>> parse_memory("2GB", "KB", "-M"), parse_memory("4096", "KB", "-M")
    (2048.0, 4.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])B?)?", text, re.IGNORECASE)
    if match is None:
        raise RefusedError(f"Bad argument for option {option}")
    return float(match[1]) * FACTORS[(match[2] or unit[0]).upper()]


def parse_minutes(text: str, option: str) -> int:
    """Return minutes of `[hour:]minute`, a host behind a slash left out.

    >>> parse_minutes("1:30", "-W"), parse_minutes("90/n1", "-W")
    (90, 90)
    """
    match = re.fullmatch(r"(?:(\d+):)?(\d+)(?:/\w+)?", text.strip())
    if match is None:
        raise RefusedError(f"Bad argument for option {option}")
    return 60 * int(match[1] or 0) + int(match[2])
