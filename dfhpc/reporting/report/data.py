"""Which videos there are, what became of each, and how good their faces are."""

from collections.abc import Sequence

from dfhpc.reporting.charts import COLORS, Interval, axis_to, interval_chart
from dfhpc.reporting.report.blocks import (
    Beside,
    Block,
    Drawing,
    Faces,
    Folded,
    Heading,
    Section,
    Table,
    Text,
    from_column,
    numeric,
)
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.report.words import count, number, percent

PARTS = ("train", "calibration", "test", "unused")

MEASURES = (
    ("size_px", "shorter side of the face's box (pixels)", 0),
    ("blur", "sharpness (variance of the Laplacian)", 0),
    ("brightness", "brightness (0 to 255)", 0),
    ("confidence", "confidence of the detector", 3),
)
CLASS_COLORS = {"real": COLORS[0], "fake": COLORS[1]}

OUTCOMES = {
    "ok": "every sampled frame gave a face",
    "partial": "some frames gave a face",
    "no_face": "readable, and no frame gave a face",
    "error": "no frame could be read, or the video was quarantined",
}


def data(facts: Facts) -> Section:
    """Return counts of videos, outcomes, quality and faces."""
    blocks: list[Block] = []
    if facts.manifest is None:
        blocks.append(
            Text(f"No video is listed yet; `{facts.next_command}` does it.", "note")
        )
        return Section("data", "Data", blocks)
    blocks.append(_videos(facts.manifest))
    if facts.tally is None:
        again = f"`dfhpc extract {facts.path}`"
        blocks.append(Text(f"No face is extracted yet; {again} does it.", "note"))
        return Section("data", "Data", blocks)
    done, total = (facts.tally["partitions"][name] for name in ("done", "total"))
    if done < total:
        blocks.append(
            Text(
                f"{done:,} of {count(total, 'partition')} are extracted; what follows "
                f"counts these. `dfhpc extract {facts.path}` does the rest.",
                "note",
            )
        )
    blocks += [_capture(facts.tally), *_outcomes(facts.tally)]
    blocks += _quality(facts.tally["quality"])
    blocks += _people(facts.tally)
    blocks += _faces(facts)
    return Section("data", "Data", blocks)


def _videos(manifest: Json) -> Table:
    parts = PARTS if manifest["has_parts"] else ()
    header = ["class", "method", "compression", "videos", "groups", *parts, "MB"]
    rows = [
        (
            *(kind["label"], kind["method"], kind["compression"]),
            *(f"{kind[name]:,}" for name in ("videos", "groups", *parts)),
            f"{kind['bytes'] / 1e6:,.1f}",
        )
        for kind in manifest["kinds"]
    ]
    if not any(kind["compression"] != "-" for kind in manifest["kinds"]):
        header = header[:2] + header[3:]
        rows = [row[:2] + row[3:] for row in rows]
    heads = header.index("videos")
    return Table(
        "Videos by class, method and part of the split"
        if parts
        else "Videos by class and method",
        header,
        rows,
        from_column(heads, header),
        heads,
    )


def _capture(tally: Json) -> Table:
    header = ["class", "method", "frames", "faces", "no face", "unreadable"]
    header += ["capture rate"]
    rows = []
    for kind in tally["kinds"]:
        method = kind["method"]
        if kind["compression"] != "-":
            method += f" ({kind['compression']})"
        rows.append((kind["label"], method, *_rates(kind)))
    rows += [(each["label"], "all", *_rates(each)) for each in tally["classes"]]
    caption = "Sampled frames, and the share of them with a face (capture rate)"
    return Table(caption, header, rows, from_column(2, header), 2)


def _rates(counts: Json) -> tuple[str, ...]:
    numbers = (counts[name] for name in ("frames", "ok", "no_face", "unreadable"))
    return (*(f"{n:,}" for n in numbers), percent(counts["capture_rate"], 2))


def _outcomes(tally: Json) -> list[Block]:
    total = sum(tally["videos"].values())
    rows = [
        (status, f"{n:,}", percent(n / total if total else None), OUTCOMES[status])
        for status, n in tally["videos"].items()
    ]
    header = ["outcome", "videos", "share", "meaning"]
    blocks: list[Block] = [
        Table("What became of each video", header, rows, numeric(1, 2))
    ]
    if tally["reasons"]:
        reasons = [
            (each["status"], each["reason"], f"{each['videos']:,}")
            for each in tally["reasons"]
        ]
        header = ["outcome", "reason", "videos"]
        blocks.append(
            Table("Reasons, where a video is not ok", header, reasons, numeric(2), 2)
        )
    damage = tally["damage"]
    if damage.get("videos"):
        blocks.append(
            Text(
                f"{count(damage['videos'], 'video')} had "
                f"{count(damage['packets'], 'damaged packet')} and "
                f"{count(damage['frames'], 'broken frame')} that were read around."
            )
        )
    if damage.get("cut"):
        blocks.append(
            Text(
                f"{count(damage['cut'], 'video')} had more frames to take than "
                "`frames_per_video` allows; the later ones are not taken."
            )
        )
    return [*blocks, *_folded_lists(tally)]


def _folded_lists(tally: Json) -> list[Block]:
    blocks: list[Block] = []
    if tally["problems"]:
        shown = len(tally["problems"])
        rest = tally["num_problems"] - shown
        more = f" (the first {shown}; `dfhpc inspect` lists all)" if rest else ""
        names = ("video_id", "label", "status", "reason", "detail")
        rows = [tuple(each[name] for name in names) for each in tally["problems"]]
        header = ["video", "class", "outcome", "reason", "detail"]
        caption = f"Videos without a face{more}".replace("`", "")
        title = f"{count(tally['num_problems'], 'video')} without a face, one by one"
        blocks.append(Folded(title, [Table(caption, header, rows)]))
    if tally["files"]:
        rows = [
            (each["codec"], each["size"], each["rate"], f"{each['videos']:,}")
            for each in tally["files"]
        ]
        header = ["codec", "frame size", "frame rate", "videos"]
        caption = "The commonest kinds of files"
        if tally["num_file_kinds"] > len(rows):
            caption += f", {len(rows)} of {tally['num_file_kinds']}"
        blocks.append(Folded("Files", [Table(caption, header, rows, numeric(3), 3)]))
    return blocks


def _quality(quality: Json) -> list[Block]:
    """Return how good faces are; classes that differ in it may be told apart by it."""
    classes = [name for name in quality if quality[name]]
    if not classes:
        return []
    header = ["measure", *classes]
    rows, charts = [], []
    for measure, words, digits in MEASURES:
        found = {c: quality[c][measure] for c in classes if measure in quality[c]}
        if found:
            spreads = (_spread(found.get(name), digits) for name in classes)
            rows.append((words, *spreads))
            charts.append(_quality_chart(words, found, digits))
    return [
        Heading("Quality of the faces"),
        Text(
            "A model may learn what differs between the classes here, instead of what "
            "makes a face fake; so the two should look alike."
        ),
        Beside(charts, 15),
        Table(
            "5 %, half and 95 % of the faces are below these",
            header,
            rows,
            from_column(1, header),
        ),
    ]


def _spread(percentiles: Sequence[float] | None, digits: int) -> str:
    if percentiles is None:
        return "-"
    return " | ".join(number(value, digits) for value in percentiles)


def _quality_chart(
    words: str, found: dict[str, Sequence[float]], digits: int
) -> Drawing:
    rows = [
        Interval(
            name,
            middle,
            low,
            high,
            f"{low:.{digits}f} to {high:.{digits}f}",
            CLASS_COLORS.get(name, COLORS[3]),
        )
        for name, (low, middle, high) in found.items()
    ]
    lowest = min(row[0] for row in found.values()) if digits else 0.0
    axis = axis_to(words, max(row[2] for row in found.values()), lowest)
    text = "; ".join(f"{row.name}: half are below {row.value:.4g}" for row in rows)
    svg = interval_chart(f"Faces: {words}", text, rows, axis, width=300)
    return Drawing(svg, "Dot: the middle face; bar: 90 % of the faces.")


def _people(tally: Json) -> list[Block]:
    people = tally["people"]
    sentences = []
    if people["several"]:
        sentences.append(
            f"{count(people['several'], 'video')} with several people, at most "
            f"{people['most']}."
        )
    if people["mixed"]:
        sentences.append(
            f"In {count(people['mixed'], 'video')} the chosen face is not always one "
            "person's."
        )
    if people["without_rows"]:
        sentences.append(
            f"{count(people['without_rows'], 'person', 'people')} without rows: no "
            "model sees them."
        )
    return [Text(" ".join(sentences))] if sentences else []


def _faces(facts: Facts) -> list[Block]:
    if not facts.faces:
        return []
    blocks: list[Block] = [
        Heading("Some faces"),
        Text(
            "As the models get them: the middle face of the first videos, methods in "
            f"turn. `dfhpc inspect {facts.path}` draws more, and the doubtful ones."
        ),
    ]
    for label, faces in facts.faces.items():
        blocks.append(Faces(f"{label} ({len(faces)} of them)", label, faces))
    return blocks
