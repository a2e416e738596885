"""What an extraction found, as plain text."""

from collections.abc import Iterator, Mapping
from typing import Any

from tabulate import tabulate

COLUMNS = (("size_px", 0), ("blur", 0), ("brightness", 0), ("confidence", 2))
"""Measures of quality and the digits that they are shown with."""


def extraction_text(report: Mapping[str, Any]) -> str:
    """Return how videos and frames ended, how good faces are, and who lacks rows."""
    videos = ", ".join(f"{count} {name}" for name, count in report["videos"].items())
    rows = [
        (name, c["frames"], c["ok"], c["no_face"], c["unreadable"], _percent(c))
        for name, c in report["classes"].items()
    ]
    header = ["class", "frames", "faces", "no face", "unreadable", "capture rate"]
    lines = [f"Videos: {videos}", "", tabulate(rows, headers=header)]
    lines += ["", _quality_table(report["quality"]), *_people_lines(report["people"])]
    problems = report["without_faces"]
    if problems:
        shown = [(p["video_id"], p["status"], p["reason"]) for p in problems[:10]]
        lines += ["", tabulate(shown, headers=["video", "status", "reason"])]
        if len(problems) > len(shown):
            lines.append(f"... and {len(problems) - len(shown)} more")
    if report["cut"]:
        lines += [
            "",
            f"{report['cut']} videos have more frames than frames_per_video; ",
        ]
        lines[-1] += "the later ones are not taken."
    if report["quarantined"]:
        lines += [
            "",
            f"{report['quarantined']} videos quarantined: they killed workers.",
        ]
    return "\n".join(lines)


def _percent(counts: Mapping[str, Any]) -> str:
    rate = counts["capture_rate"]
    return "-" if rate is None else f"{100 * rate:.2f} %"


def _quality_table(quality: Mapping[str, Any]) -> str:
    """Return the spread of each measure in each class."""
    rows = [
        [name, *(_spread(measures.get(measure), digits) for measure, digits in COLUMNS)]
        for name, measures in quality.items()
    ]
    header = ["faces", *(measure for measure, _ in COLUMNS)]
    table = tabulate(rows, headers=header, disable_numparse=True)
    return f"{table}\n(5 %, half and 95 % of the faces are below these)"


def _spread(percentiles: list[float] | None, digits: int) -> str:
    if percentiles is None:
        return "-"
    return " | ".join(f"{value:.{digits}f}" for value in percentiles)


def _people_lines(people: Mapping[str, int]) -> Iterator[str]:
    if people["several"]:
        yield ""
        count, most = people["several"], people["most"]
        yield f"Videos with several people: {count}, at most {most}."
    if people["mixed"]:
        yield f"Videos whose chosen face is not always one person's: {people['mixed']}."
    if people["without_rows"]:
        yield f"People without rows: {people['without_rows']}."
