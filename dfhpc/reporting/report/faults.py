"""What the run has come through."""

from collections.abc import Iterator

from dfhpc.reporting.report.blocks import (
    Block,
    Folded,
    Section,
    Table,
    Text,
    numeric,
)
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.report.words import count, listed


def faults(facts: Facts) -> Section:
    """Return resumes, deaths, lost jobs and warnings, as far as there are notes."""
    found = facts.faults
    sentences = [*_resumes(found), *_deaths(found), *_workers(found)]
    blocks: list[Block] = [Text(sentence) for sentence in sentences]
    if found["error"]:
        blocks.append(
            Text(
                f"The last command ended with an error ({found['error']['where']}): "
                f"{found['error']['message']}",
                "warning",
            )
        )
    if found["jobs"]:
        rows = [(job["role"], job["how"], f"{job['jobs']:,}") for job in found["jobs"]]
        header = ["role", "ended as", "jobs"]
        blocks.append(
            Table("Batch jobs, and how they ended", header, rows, numeric(2), 2)
        )
    if found["deaths"]:
        rows = [
            (name, f"{n}", "yes" if n >= found["max_deaths"] else "no")
            for name, n in found["deaths"].items()
        ]
        header = ["video", "workers that died", "quarantined"]
        caption = "Videos that were being read when a worker died"
        blocks.append(Folded(caption, [Table(caption, header, rows, numeric(1))]))
    blocks += _log(found)
    if facts.problems:
        unread = [(problem,) for problem in facts.problems]
        blocks.append(Table("Could not be read for this report", ["what"], unread))
    if not blocks:
        blocks.append(
            Text("None is noted: no resume, no lost worker, no warning in the log.")
        )
    return Section("faults", "Faults survived", blocks)


def _resumes(found: Json) -> Iterator[str]:
    if found["drivers"] > 1:
        hosts = f" on {found['hosts']} hosts" if found["hosts"] > 1 else ""
        yield f"{count(found['drivers'], 'command')} worked on this run{hosts}."
    if found["links"] > 1:
        yield f"{count(found['links'], 'job')} of a chain worked on it in turn."
    again = [f"{name} {n} times" for name, n in found["attempts"].items() if n > 1]
    if again:
        yield f"Begun more than once, and gone on from what was done: {listed(again)}."


def _deaths(found: Json) -> Iterator[str]:
    deaths = found["deaths"]
    if deaths:
        lost = sum(n >= found["max_deaths"] for n in deaths.values())
        kept = f"{count(lost, 'video')} quarantined after {found['max_deaths']} deaths"
        yield (
            f"{count(sum(deaths.values()), 'worker')} died while reading "
            f"{count(len(deaths), 'video')}; {kept}."
        )


def _workers(found: Json) -> Iterator[str]:
    if found["lost"]:
        yield f"{count(found['lost'], 'worker')} lost by the last driver, and replaced."
    if found["excluded_nodes"]:
        yield f"Nodes excluded for failing: {listed(found['excluded_nodes'])}."


def _log(found: Json) -> list[Block]:
    if not found["warnings"]:
        return []
    rows = [(line["at"], line["level"], line["message"]) for line in found["warnings"]]
    total = found["num_warnings"]
    caption = "Warnings and errors in logs/driver.log"
    if total > len(rows):
        caption += f", the last {len(rows)} of {total:,}"
    title = f"{count(total, 'warning')} in the log"
    header = ["when, by the clock of the driver", "level", "message"]
    return [Folded(title, [Table(caption, header, rows)])]
