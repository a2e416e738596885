"""Resource requirements: -R, -M, -n and -gpu."""

import re
from dataclasses import dataclass

from tests.cluster.lsf_double.options import Options
from tests.cluster.lsf_double.units import parse_memory
from tests.cluster.lsf_double.words import RefusedError

SECTION = re.compile(r"\s*(select|rusage|span|order)\s*\[([^\]]*)\]")
EXCLUDED = re.compile(r"\s*hname\s*!=\s*(['\"]?)([\w.-]+)\1\s*")
GPU = re.compile(r"num=\d+(:(mode=\w+|j_exclusive=(yes|no)|mps=(yes|no)))*")


@dataclass(frozen=True)
class Resources:
    """What a job asks for, in SLURM's terms."""

    slots: int
    one_host: bool
    block: int
    """Slots that are to be on one host."""
    exclude: tuple[str, ...]
    reserved_mb: float | None
    """LSF's Total Requested Memory."""
    limit_mb: float | None


def parse_resources(options: Options, unit: str | None) -> Resources:
    """Read what a job asks for; ``unit`` is LSF_UNIT_FOR_LIMITS, where it is set."""
    slots = _parse_slots(options.values.get("-n", "1"))
    if not GPU.fullmatch(options.values.get("-gpu", "num=0")):
        raise RefusedError("Bad argument for option -gpu")
    one_host, block, exclude, reserved = False, 1, [], None
    for section, text in _sections(options.resources):
        if section == "span":
            one_host, block = _parse_span(text, slots)
        elif section == "select":
            exclude += _parse_select(text)
        elif section == "rusage":
            # Without a unit of the site, a reservation is in MB and a limit in KB.
            reserved = _parse_rusage(text, unit or "MB", slots)
    limit = options.values.get("-M")
    limit_mb = limit and parse_memory(limit.removesuffix("!"), unit or "KB", "-M")
    return Resources(slots, one_host, block, tuple(exclude), reserved, limit_mb)


def _sections(requirements: list[str]) -> list[tuple[str, str]]:
    found = []
    for requirement in requirements:
        position = 0
        while requirement[position:].strip():
            match = SECTION.match(requirement, position)
            if match is None:
                raise RefusedError("Bad resource requirement syntax")
            found.append((match[1], match[2].strip()))
            position = match.end()
    return found


def _parse_slots(text: str) -> int:
    match = re.fullmatch(r"([1-9]\d*)(,[1-9]\d*)?", text)
    if match is None:
        raise RefusedError("Bad argument for option -n")
    return int(match[1])


def _parse_span(text: str, slots: int) -> tuple[bool, int]:
    """Return whether one host is to have all slots, and how many stay together."""
    match = re.fullmatch(r"hosts=1|ptile=[1-9]\d*|block=([1-9]\d*)", text)
    if match is None:
        raise RefusedError("Error in span section. Bad resource requirement syntax")
    block = int(match[1] or 1)
    if slots % block:
        raise RefusedError(f"The double has no block of {block} in {slots} slots")
    return text == "hosts=1", block


def _parse_select(text: str) -> list[str]:
    matches = [EXCLUDED.fullmatch(term) for term in text.split("&&")]
    if None in matches:
        raise RefusedError("Error in select section. Bad resource requirement syntax")
    return [match[2] for match in matches]


def _parse_rusage(text: str, unit: str, slots: int) -> float:
    match = re.fullmatch(r"mem=([\d.]+\s*[A-Za-z]*)(?:/(host|task|job))?", text)
    if match is None:
        raise RefusedError("Error in rusage section. Bad resource requirement syntax")
    each = parse_memory(match[1], unit, "-R")
    return each * slots if match[2] == "task" else each
