"""Who trains and who tests, and what the two have in common."""

import json

from dfhpc.reporting.report.blocks import (
    Block,
    Code,
    Folded,
    Heading,
    Section,
    Table,
    Text,
    from_column,
    numeric,
)
from dfhpc.reporting.report.facts import Facts, Json, SplitFacts
from dfhpc.reporting.report.words import count

KINDS = {
    "group": "whole groups of people, so that nobody is on both sides",
    "official": "the parts that the data set names",
    "official_strict": "the parts that the data set names, less what they share",
    "random_rows": "single faces, drawn without regard to videos and people",
}
KNOWN_AUDIT = ("overlap", "balance", "groups_known")


def split(facts: Facts) -> Section:
    """Return the split of a run, the one beside it, and their leak audits."""
    blocks: list[Block] = []
    if not facts.splits:
        again = f"`dfhpc train {facts.path}`"
        blocks.append(Text(f"The videos are not split yet; {again} does it.", "note"))
    results = {result["split"]["kind"]: result for _, result in facts.evaluations()}
    for each in facts.splits:
        blocks += _split(each, results.get(each.kind), facts)
    return Section("split", "Split and leak audit", blocks)


def _split(own: SplitFacts, result: Json | None, facts: Facts) -> list[Block]:
    audit = own.audit if result is None else result["audit"]
    beside = " (beside)" if own.suffix else ""
    leaky = " — LEAKY" if own.leaky else ""
    blocks: list[Block] = [
        Heading(f"Split {own.kind}{beside}{leaky}"),
        Text(f"Seed {own.seed}; {KINDS.get(own.kind, own.kind)}."),
    ]
    if result is None and not own.leaky:
        blocks.append(
            Text("As planned: which videos have a face is known when all are done.")
        )
    not_scored = (result or {"not_scored": {}})["not_scored"]
    header = ["part", "videos", "real", "fake", "groups", "without a face"]
    rows = [
        (
            part,
            *(f"{counts[name]:,}" for name in ("videos", "real", "fake", "groups")),
            f"{not_scored[part]:,}" if part in not_scored else "-",
        )
        for part, counts in audit["balance"].items()
    ]
    blocks.append(Table("Parts", header, rows, from_column(1, header)))
    blocks += [_overlap(audit), *_warnings(own, audit)]
    for reason, videos in own.unused.items():
        blocks.append(Text(f"{count(videos, 'video')} not used: {reason}."))
    return [*blocks, *_folded(own, audit, facts)]


def _overlap(audit: Json) -> Table:
    header = ["shared by", "groups", "videos", "sources"]
    rows = [
        (pair, *(f"{counts[name]:,}" for name in header[1:]))
        for pair, counts in audit["overlap"].items()
    ]
    caption = "What two parts share: all of it should be 0"
    return Table(caption, header, rows, numeric(1, 2, 3))


def _warnings(own: SplitFacts, audit: Json) -> list[Block]:
    blocks: list[Block] = []
    if own.leaky or any(any(c.values()) for c in audit["overlap"].values()):
        blocks.append(
            Text("LEAKY: the parts share people; their scores are too good.", "warning")
        )
    if not audit["groups_known"]:
        blocks.append(
            Text(
                "Each video is its own group here: nothing tells who is in it, so the "
                "same people may be on both sides. Give groups in a CSV table.",
                "warning",
            )
        )
    return blocks


def _folded(own: SplitFacts, audit: Json, facts: Facts) -> list[Block]:
    blocks: list[Block] = []
    if own.groups:
        rows = [
            (g["group"], ", ".join(g["parts"]), f"{g['real']:,}", f"{g['fake']:,}")
            for g in own.groups
        ]
        caption = "Groups of people, and the part that each is in"
        if own.num_groups > len(rows):
            caption += f": the first {len(rows)}; manifest.csv has all"
        header = ["group", "part", "real videos", "fake videos"]
        title = f"{count(own.num_groups, 'group')}, one by one"
        blocks.append(Folded(title, [Table(caption, header, rows, numeric(2, 3))]))
    more = {key: audit[key] for key in audit if key not in KNOWN_AUDIT}
    if more:
        text = json.dumps(more, indent=1, ensure_ascii=False)
        blocks.append(Folded("More of the audit", [Code("audit", text)]))
    return blocks
