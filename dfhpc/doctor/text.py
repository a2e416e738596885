"""What a person reads."""

import itertools
import textwrap
from collections import Counter
from collections.abc import Sequence

from dfhpc.doctor.finding import Finding

_WIDTH = 88


def findings_text(findings: Sequence[Finding], titles: dict[str, str]) -> str:
    """Return findings in columns, by where they were made, with counts at the end."""
    lines = []
    for where, group in itertools.groupby(findings, key=lambda one: one.where):
        lines.append(titles[where])
        for _, same in itertools.groupby(group, key=_kind):
            lines += _lines(list(same))
        lines.append("")
    lines.append(counts_text(findings))
    return "\n".join(lines)


def _kind(finding: Finding) -> tuple[str, str]:
    """Return what makes findings one line: many are skipped for one reason."""
    if finding.state == "skipped":
        return "skipped", finding.found
    return finding.state, finding.probe


def _lines(same: list[Finding]) -> list[str]:
    first = same[0]
    names = ", ".join(finding.probe for finding in same)
    found = first.found if len(same) == 1 else f"{names}: {first.found}"
    name = first.probe if len(same) == 1 else ""
    head = f"  {first.state:<8} {name:<15} "
    blank = " " * len(head)
    lines = _wrapped(found, head, blank)
    if first.remedy:
        lines += _wrapped(first.remedy, f"{blank}-> ", f"{blank}   ")
    return lines


def _wrapped(text: str, head: str, blank: str) -> list[str]:
    """Return lines that a terminal has room for; paths are not broken."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=blank,
        break_long_words=False,
        break_on_hyphens=False,
    )


def counts_text(findings: Sequence[Finding]) -> str:
    """Return how many probes ended how.

    >>> counts_text([])
    '0 ok, 0 warnings, 0 failures, 0 skipped'
    """
    counts = Counter(finding.state for finding in findings)
    words = [
        f"{counts['ok']} ok",
        _plural(counts["warning"], "warning"),
        _plural(counts["failure"], "failure"),
        f"{counts['skipped']} skipped",
    ]
    return ", ".join(words)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")
