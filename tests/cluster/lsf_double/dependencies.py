"""The dependency expressions of -w, as SLURM understands them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster.lsf_double.words import RefusedError

TO_SLURM = {
    "done": "afterok",
    "ended": "afterany",
    "exit": "afternotok",
    "started": "after",
}
CONDITION = re.compile(r"(?:(\w+)\s*\(\s*)?(\"[^\"]+\"|[\w.*-]+)\s*(\))?")


@dataclass(frozen=True)
class Condition:
    """A job must have come to something before another begins."""

    kind: str
    job: str

    @property
    def slurm(self) -> str:
        """Return sbatch's words."""
        return f"{TO_SLURM[self.kind]}:{self.job}"

    def is_met(self, exit_code: int) -> bool:
        """Return what a job that has ended decides."""
        return {"done": exit_code == 0, "exit": exit_code != 0}.get(self.kind, True)


def parse_dependency(
    expression: str, find: Callable[[str], list[str]]
) -> list[Condition]:
    """Return the conditions joined by &&; ``find`` turns a name or id into job ids."""
    conditions = []
    for term in expression.split("&&"):
        match = CONDITION.fullmatch(term.strip())
        if match is None or bool(match[1]) != bool(match[3]):
            raise RefusedError(f"Dependency condition syntax error: {expression}")
        kind = match[1] or "done"
        if kind not in TO_SLURM:
            raise RefusedError(f"Dependency condition syntax error: {expression}")
        jobs = find(match[2].strip('"'))
        if not jobs:
            raise RefusedError(f"{term.strip()}: No matching job found")
        conditions += [Condition(kind, job) for job in jobs]
    return conditions
