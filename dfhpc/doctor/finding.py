"""What a probe finds, and what a probe is."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dfhpc.doctor.visit import Visit

State = Literal["ok", "warning", "failure", "skipped"]
Where = Literal["login", "node"]

ALL_KINDS = ("local", "slurm", "lsf", "dask")
BATCH_KINDS = ("slurm", "lsf")


@dataclass(frozen=True)
class Outcome:
    """How a probe ended."""

    state: State
    found: str
    """One sentence."""
    remedy: str = ""
    """A command or a key of the recipe; "" where all is well."""


def ok(found: str) -> Outcome:
    """Return that all is well."""
    return Outcome("ok", found)


def warning(found: str, remedy: str) -> Outcome:
    """Return that a run may work, but not as it should."""
    return Outcome("warning", found, remedy)


def failure(found: str, remedy: str) -> Outcome:
    """Return that a run will not work."""
    return Outcome("failure", found, remedy)


def skipped(found: str, remedy: str = "") -> Outcome:
    """Return why nothing was tried."""
    return Outcome("skipped", found, remedy)


@dataclass(frozen=True)
class Probe:
    """One question and how it is answered."""

    name: str
    where: Where
    answer: Callable[["Visit"], Outcome]
    kinds: tuple[str, ...] = ALL_KINDS
    """The kinds of cluster that it is asked for."""
    needs: tuple[str, ...] = ()
    """Probes of the login node without whose success it is not asked."""
    facts: tuple[str, ...] = ()
    """What the node is to tell, for a probe that judges it."""
    slow: str = ""
    """What a person is told meanwhile."""


@dataclass(frozen=True)
class Finding:
    """The outcome of a probe, with its name and its place."""

    probe: str
    where: Where
    state: State
    found: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)
