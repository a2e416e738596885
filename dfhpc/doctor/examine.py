"""Asks the probes one after the other; one that breaks is a finding, too."""

from collections.abc import Collection, Iterator

from dfhpc.doctor.finding import Finding, Outcome, Probe, failure, skipped
from dfhpc.doctor.registry import EXPLAINED, PROBES
from dfhpc.doctor.visit import Visit
from dfhpc.errors import ConfigError, DfhpcError

ALWAYS = "python"
"""The fact that names the node."""


def choose(kind: str, only: Collection[str] = ()) -> list[Probe]:
    """Return the probes for a kind of cluster; of ``only``, those and what they need.

    Raises
    ------
    ConfigError
        When there is no probe of such a name.
    """
    there = [probe for probe in PROBES if kind in probe.kinds]
    if not only:
        return there
    known = {probe.name for probe in there}
    if unknown := sorted(set(only) - known):
        raise ConfigError(
            f"There is no probe {', '.join(unknown)} for {kind}; there are "
            f"{', '.join(sorted(known))}."
        )
    wanted = [probe for probe in there if probe.name in only]
    needed = {name for probe in wanted for name in probe.needs}
    while more := {n for p in there if p.name in needed for n in p.needs} - needed:
        needed |= more
    return [
        probe
        for probe in there
        if probe in wanted or (probe.where == "login" and probe.name in needed)
    ]


def examine(visit: Visit, probes: list[Probe]) -> Iterator[Finding]:
    """Yield what each probe finds; the visit's folder is removed at the end."""
    asked = (fact for probe in probes for fact in probe.facts)
    visit.facts = tuple(dict.fromkeys((ALWAYS, *asked)))
    failed: set[str] = set()
    visit.open()
    try:
        for probe in probes:
            outcome = _ask(visit, probe, failed)
            if probe.where == "login" and outcome.state in ("failure", "skipped"):
                failed.add(probe.name)
            yield Finding(
                probe.name, probe.where, outcome.state, outcome.found, outcome.remedy
            )
    finally:
        visit.close()


def _ask(visit: Visit, probe: Probe, failed: set[str]) -> Outcome:
    missing = [name for name in probe.needs if name in failed]
    if missing:
        return skipped(f"Not tried, since {missing[0]} was no success.")
    broken = [
        visit.report[fact]["error"]
        for fact in probe.facts
        if fact not in EXPLAINED and "error" in visit.report[fact]
    ]
    if broken:
        return failure(f"On the node this failed: {broken[0]}.", "look at that node")
    if probe.slow:
        visit.tell(f"{probe.slow} ...")
    try:
        return probe.answer(visit)
    except (DfhpcError, OSError, ValueError) as error:
        return failure(f"The probe itself failed: {error}.", "see the words before")
