"""The page of a report: its sections in order."""

from collections.abc import Callable

from dfhpc.reporting.pages import render
from dfhpc.reporting.report.blocks import Section
from dfhpc.reporting.report.cost import cost
from dfhpc.reporting.report.data import data
from dfhpc.reporting.report.elsewhere import elsewhere, robustness
from dfhpc.reporting.report.facts import Facts
from dfhpc.reporting.report.faults import faults
from dfhpc.reporting.report.headline import headline
from dfhpc.reporting.report.models import models
from dfhpc.reporting.report.probabilities import probabilities
from dfhpc.reporting.report.published import published
from dfhpc.reporting.report.search import search
from dfhpc.reporting.report.settings import settings
from dfhpc.reporting.report.split import split

SECTIONS: tuple[Callable[[Facts], Section | None], ...] = (
    headline,
    data,
    split,
    models,
    probabilities,
    elsewhere,
    robustness,
    search,
    published,
    cost,
    faults,
    settings,
)
"""What a run has nothing to say about gives None, and is left out."""


def draw_report(facts: Facts) -> str:
    """Return the report of a run as one HTML page."""
    found = (build(facts) for build in SECTIONS)
    sections = [section for section in found if section is not None]
    return render("report.html.j2", facts=facts, sections=sections)
