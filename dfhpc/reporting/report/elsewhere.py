"""What the models are worth on other data, and on videos made worse."""

from collections.abc import Mapping, Sequence

from dfhpc.reporting.charts import Axis, Line, line_chart, unit_axis
from dfhpc.reporting.cross_text import (
    halves,
    on_rows,
    robustness_panels,
    robustness_rows,
)
from dfhpc.reporting.report.blocks import (
    Beside,
    Block,
    Drawing,
    Folded,
    Heading,
    Items,
    Section,
    Table,
    Text,
    from_column,
)
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.report.words import count


def elsewhere(facts: Facts) -> Section | None:
    """Return the results on other runs; None where there are none."""
    if not facts.on:
        return None
    lead = Text(
        "The same models on faces of other runs: nothing is learned or chosen there, "
        "and people who trained or calibrated the models are left out."
    )
    blocks: list[Block] = [lead]
    for result in facts.on:
        blocks += _on(result)
    return Section("elsewhere", "On other data", blocks)


def _on(result: Json) -> list[Block]:
    name = result["other"]["name"]
    part = ", its test part" if result["part"] == "test" else ""
    blocks: list[Block] = [Heading(f"On {name}{part}")]
    for half in halves(result):
        counts = half["videos"]
        leaky = " (LEAKY)" if half["split"]["leaky"] else ""
        who = f"{counts['real']:,} real, {counts['fake']:,} fake"
        groups = count(counts["groups"], "group")
        caption = (
            f"Models of split {half['split']['kind']}{leaky} on {name}: "
            f"{count(counts['scored'], 'video')} ({who}) in {groups} of people"
        )
        if half["models"]:
            blocks.append(_table(caption, on_rows(half), 2))
        else:
            blocks.append(Text(caption))
        blocks += [Text(said) for said in (half["why"], half["note"]) if said]
    return [*blocks, *(Text(warning, "note") for warning in result["warnings"])]


def robustness(facts: Facts) -> Section | None:
    """Return the scores of worsened videos; None where they were not measured."""
    found = facts.robustness
    if found is None:
        return None
    counts = found["videos"]
    videos = count(counts["measured"], "test video")
    groups = count(counts["groups"], "group")
    lead = Text(
        f"{videos} ({counts['real']:,} real, {counts['fake']:,} fake) in {groups} of "
        "people were made worse, before faces are looked for in them."
    )
    drawings = [_chart(panel) for panel in robustness_panels(found)]
    tables = [
        _table(f"Model {model} on videos made worse", robustness_rows(found, model), 1)
        for model in found["baseline"]["models"]
    ]
    folded = Folded("All figures, by model", tables)
    blocks: list[Block] = [lead, Beside(drawings, 24), folded, Items(found["notes"])]
    return Section("robustness", "Videos made worse", blocks)


def _chart(panel: Json) -> Drawing:
    labels = panel["labels"]
    lines = []
    for line in panel["auc"]:
        values = enumerate(line["values"])
        points = [(float(at), value) for at, value in values if value is not None]
        lines.append(Line(line["name"], points, has_dots=True))
    steps = tuple(float(at) for at in range(len(labels)))
    across = Axis(panel["axis"], 0.0, steps[-1], steps, tuple(labels))
    title = f"{panel['title']}: ROC AUC of videos"
    text = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{labels[int(at)]} {value:.2f}" for at, value in line.points)
        for line in lines
    )
    svg = line_chart(title, text, lines, (across, unit_axis("ROC AUC of videos")))
    return Drawing(svg, f"{panel['title']}: ROC AUC of videos, worse to the right.")


def _table(caption: str, rows: Sequence[Mapping[str, str]], texts: int) -> Table:
    header = list(rows[0])
    cells = [tuple(row.values()) for row in rows]
    return Table(caption, header, cells, from_column(texts, header))
